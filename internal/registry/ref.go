package registry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"
)

// Ref names an image. The zero Ref names none.
type Ref struct {
	kind kind
	repo name.Repository // of a registry
	id   string          // a tag, or sha256:HEX, of a registry
	path string          // absolute, of a layout or an archive
	tag  string          // within a layout or an archive; "" if it has one image only
}

type kind string

const (
	fromRegistry kind = "registry"
	fromLayout   kind = "oci"
	fromArchive  kind = "docker-archive"
)

// maxText bounds a reference, in bytes: a name has 255 at most, a tag 128, and
// a path what Linux takes (PATH_MAX).
const maxText = 4096 + 512

const examples = "write for example postgres:17, quay.io/org/app:1.2, host:5000/app@sha256:…, oci:PATH or docker-archive:FILE"

// Parse reads a reference: [HOST[:PORT]/]NAME[:TAG][@sha256:HEX], oci:PATH[:TAG]
// or docker-archive:PATH[:NAME:TAG]. A PATH has no colon and is relative to dir.
// As with Docker, a name without a host is Docker Hub's, one without a slash
// belongs to its library/, and the tag is latest; a digest makes the tag
// irrelevant. Nothing is looked at but the text.
func Parse(text, dir string) (Ref, error) {
	fail := func(format string, args ...any) (Ref, error) {
		return Ref{}, fmt.Errorf("image %.200q: %s; %s", text, fmt.Sprintf(format, args...), examples)
	}
	switch {
	case text == "":
		return fail("there is no name")
	case len(text) > maxText:
		return fail("it has %d bytes, more than any name", len(text))
	case strings.ContainsFunc(text, unprintable):
		// In ASCII: a replacement character shows nothing of what is wrong.
		return Ref{}, fmt.Errorf("image %+.200q: it contains characters that cannot be printed; %s", text, examples)
	}
	for _, k := range []kind{fromLayout, fromArchive} {
		if rest, ok := strings.CutPrefix(text, string(k)+":"); ok {
			path, tag, colon := strings.Cut(rest, ":")
			switch {
			case path == "":
				return fail("there is no path after %s:", k)
			case colon && tag == "":
				return fail("there is no tag after the last colon")
			case !filepath.IsAbs(path):
				path = filepath.Join(dir, path)
			}
			return Ref{kind: k, path: filepath.Clean(path), tag: tag}, nil
		}
	}
	ref, err := parseRemote(text)
	if err != nil {
		return fail("%v", err)
	}
	return ref, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == '\uFFFD' }

func parseRemote(text string) (Ref, error) {
	for _, scheme := range []string{"docker://", "https://", "http://"} {
		if strings.HasPrefix(text, scheme) {
			return Ref{}, fmt.Errorf("leave out %s", scheme)
		}
	}
	base, digest, pinned := strings.Cut(text, "@")
	tag, err := name.NewTag(base)
	if err == nil {
		err = checkName(tag.Repository)
	}
	if err != nil {
		return Ref{}, explainName(base, err)
	}
	ref := Ref{kind: fromRegistry, repo: tag.Repo(tag.RepositoryStr()), id: tag.TagStr()}
	if pinned {
		if !strings.HasPrefix(digest, "sha256:") || !isDigest(digest) {
			return Ref{}, errors.New("what follows @ must be sha256: and 64 digits 0-9a-f")
		}
		ref.id = digest
	}
	return ref, nil
}

// explainName says what is wrong with a name in fewer words than the library.
func explainName(base string, err error) error {
	repo := base
	if host, rest, ok := strings.Cut(base, "/"); ok && strings.ContainsAny(host, ".:") {
		repo = rest
	}
	repo, _, _ = strings.Cut(repo, ":")
	switch {
	case repo == "":
		return errors.New("there is no name")
	case repo != strings.ToLower(repo):
		return errors.New("a name has no capital letters")
	case strings.ContainsAny(base, " \t"):
		return errors.New("it contains a space")
	}
	return errors.New(clean(err.Error()))
}

// checkName holds a name to what registries take (OCI distribution-spec,
// "Pulling manifests"), of which the library looks at the characters only.
func checkName(repo name.Repository) error {
	if strings.HasSuffix(repo.RegistryStr(), ":") {
		return errors.New("there is no port after the host's colon")
	}
	if n := len(repo.RepositoryStr()); n > 255 {
		return fmt.Errorf("its name has %d characters, over 255", n)
	}
	for part := range strings.SplitSeq(repo.RepositoryStr(), "/") {
		for _, wrong := range []string{"..", "___", "._", "_.", ".-", "-.", "_-", "-_"} {
			if strings.Contains(part, wrong) {
				return fmt.Errorf("a name does not contain %q", wrong)
			}
		}
		if part == "" || part != strings.Trim(part, "._-") {
			return errors.New("each part of a name begins and ends with a letter or a digit")
		}
	}
	return nil
}

// isDigest says whether text is sha256 and 64 digits: the only algorithm that
// registries use, and a safe file name after the colon.
func isDigest(text string) bool {
	hex, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

// String is the whole name: docker.io/library/postgres:17.
func (r Ref) String() string {
	switch {
	case r.kind == "":
		return ""
	case r.kind != fromRegistry && r.tag != "":
		return string(r.kind) + ":" + r.path + ":" + r.tag
	case r.kind != fromRegistry:
		return string(r.kind) + ":" + r.path
	case isDigest(r.id):
		return r.name() + "@" + r.id
	}
	return r.name() + ":" + r.id
}

func (r Ref) name() string { return r.host() + "/" + r.repo.RepositoryStr() }

// host is the registry as users write it. The library knows Docker Hub by
// another name.
func (r Ref) host() string { return hostName(r.repo.RegistryStr()) }

func hostName(registry string) string {
	if registry == name.DefaultRegistry {
		return "docker.io"
	}
	return registry
}

// pinned says whether the reference always means the same image.
func (r Ref) pinned() bool { return r.kind == fromRegistry && isDigest(r.id) }

// local says whether the image is a file of this machine.
func (r Ref) local() bool { return r.kind == fromLayout || r.kind == fromArchive }

// Stamp is a text that changes when the file behind a reference does: size,
// modification time and inode of a layout's index.json or of an archive. It is
// "" for a registry, which can't be asked for free.
func (r Ref) Stamp() (string, error) {
	if !r.local() {
		return "", nil
	}
	path := r.path
	if r.kind == fromLayout {
		path = filepath.Join(path, "index.json")
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", r, fileError(r, path, err))
	}
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d-%d-%d", st.Size, st.Mtim.Nano(), st.Ino), nil
}
