package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestArchive(t *testing.T) {
	a, b := testImage(t, amd64, 2, 1000), testImage(t, amd64, 1, 1000)
	tag := func(text string) name.Tag {
		tag, err := name.NewTag(text)
		if err != nil {
			t.Fatal(err)
		}
		return tag
	}
	dir := t.TempDir()
	if err := tarball.WriteToFile(filepath.Join(dir, "one.tar"), tag("app:1"), a); err != nil {
		t.Fatal(err)
	}
	if err := tarball.MultiWriteToFile(filepath.Join(dir, "two.tar"), map[name.Tag]v1.Image{tag("app:1"): a, tag("h.io/b:2"): b}); err != nil {
		t.Fatal(err)
	}
	c := newTestClient(Options{})
	for text, want := range map[string]v1.Image{
		"one.tar": a, "one.tar:app:1": a, "one.tar:docker.io/library/app:1": a, "two.tar:app:1": a, "two.tar:h.io/b:2": b,
	} {
		img := resolve(t, c, parse(t, "docker-archive:"+text, dir))
		if id, err := want.ConfigName(); err != nil || img.Digest != id.String() || img.Config.User != "10:20" {
			t.Errorf("%s: %s, want %s, %v", text, img.Digest, id, err)
		}
		wantLayers(t, img, want)
	}
	for text, want := range map[string]string{
		"two.tar": "2 images in it; append the name of one: ", "two.tar:c": `no "c" in it, but `, "none.tar": "docker save -o FILE",
	} {
		_, err := c.Resolve(context.Background(), parse(t, "docker-archive:"+text, dir))
		wantError(t, err, want, "image docker-archive:")
	}
	_, err := newTestClient(Options{Arch: "s390x"}).Resolve(context.Background(), parse(t, "docker-archive:one.tar", dir))
	wantError(t, err, "made for linux/amd64")
}

// entry is a file of an archive that a test writes itself.
type entry struct{ name, content, symlink, hardlink string }

func writeTar(t *testing.T, entries ...entry) string {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o600, Size: int64(len(e.content)), Typeflag: tar.TypeReg}
		if link := e.symlink + e.hardlink; link != "" {
			h.Linkname, h.Typeflag = link, tar.TypeSymlink
			if e.hardlink != "" {
				h.Typeflag = tar.TypeLink
			}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestForeignArchives: what different programs write, and what is no archive of
// an image.
func TestForeignArchives(t *testing.T) {
	content := strings.Repeat("x", 1000)
	diff := digestOf([]byte(content))
	hex := diff[len("sha256:"):]
	config := func(n int) string {
		return `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[` + strings.TrimSuffix(strings.Repeat(`"`+diff+`",`, n), ",") + `]}}`
	}
	manifest := func(config string, layers ...string) entry {
		return entry{name: "manifest.json", content: fmt.Sprintf(`[{"Config":%q,"RepoTags":null,"Layers":["%s"]}]`, config, strings.Join(layers, `","`))}
	}
	for name, test := range map[string]struct {
		entries []entry
		want    string // an error, or "" for a success with all layers the same
	}{
		"old docker": {[]entry{{name: "c.json", content: config(3)}, {name: "a/layer.tar", content: content}, {name: "b/layer.tar", symlink: "../a/layer.tar"},
			{name: "./d/layer.tar", hardlink: "a/layer.tar"}, manifest("c.json", "a/layer.tar", "b/layer.tar", "d/layer.tar")}, ""},
		"docker 25": {[]entry{manifest("blobs/sha256/"+digestOf([]byte(config(1)))[7:], "blobs/sha256/"+hex), {name: "blobs/sha256/" + hex, content: content},
			{name: "blobs/sha256/" + digestOf([]byte(config(1)))[7:], content: config(1)}, {name: "index.json", content: "{}"}, {name: "oci-layout", content: "{}"}}, ""},
		"podman":          {[]entry{{name: hex + ".tar", content: content}, {name: "c.json", content: config(1)}, manifest("c.json", hex+".tar")}, ""},
		"wrong config":    {[]entry{{name: hex + ".json", content: config(1)}, {name: "l", content: content}, manifest(hex+".json", "l")}, "does not match its digest"},
		"no config":       {[]entry{manifest("c.json", "l")}, `lacks "c.json"`},
		"no layer":        {[]entry{{name: "c", content: config(1)}, manifest("c", "l")}, `lacks "l"`},
		"empty layer":     {[]entry{{name: "c", content: config(1)}, {name: "l"}, manifest("c", "l")}, "0 bytes"},
		"too few layers":  {[]entry{{name: "c", content: config(2)}, {name: "l", content: content}, manifest("c", "l")}, "1 layers and its configuration 2"},
		"circle":          {[]entry{{name: "c", content: config(1)}, {name: "l", symlink: "m"}, {name: "m", symlink: "l"}, manifest("c", "l")}, "without end"},
		"way out":         {[]entry{{name: "c", content: config(1)}, {name: "l", symlink: "../../../etc/passwd"}, manifest("c", "l")}, "lacks "},
		"OCI archive":     {[]entry{{name: "index.json", content: "{}"}}, "oci:FOLDER"},
		"something":       {[]entry{{name: "x", content: "y"}}, "not what `docker save`"},
		"bad manifest":    {[]entry{{name: "manifest.json", content: "{"}}, "manifest.json is not valid"},
		"no image":        {[]entry{{name: "manifest.json", content: "[]"}}, "no image in it"},
		"large manifest":  {[]entry{{name: "manifest.json", content: strings.Repeat(" ", maxManifest+1)}}, "larger than"},
		"too many layers": {[]entry{{name: "c", content: config(499)}, {name: "l", content: content}, manifest("c", strings.Split(strings.Repeat("l,", 499), ",")[:499]...)}, "499 layers"},
	} {
		path := writeTar(t, test.entries...)
		img, err := newTestClient(Options{}).Resolve(context.Background(), parse(t, "docker-archive:"+path, "/"))
		if test.want != "" {
			wantError(t, err, test.want, path)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, l := range img.Layers {
			blob, err := img.Fetch(context.Background(), i, "", nil)
			if err != nil || l.Digest != diff || l.Size != 1000 || blob.Path != path {
				t.Errorf("%s: layer %d: %+v, %v", name, i, blob, err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "x")
	whole, err := os.ReadFile(writeTar(t, entry{name: "manifest.json", content: content}))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"": "too short", "\x1f\x8b\x08\x00": "gunzip", "\x28\xb5\x2f\xfd": "unzstd", strings.Repeat("no tar ", 200): "damaged or cut off", string(whole[:700]): "damaged or cut off",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := newTestClient(Options{}).Resolve(context.Background(), parse(t, "docker-archive:"+path, "/"))
		wantError(t, err, want, path)
	}
	// An archive that is changed after it was resolved.
	ours := writeTar(t, entry{name: "c", content: config(1)}, entry{name: "l", content: content}, manifest("c", "l"))
	img := resolve(t, newTestClient(Options{}), parse(t, "docker-archive:"+ours, "/"))
	if err := os.WriteFile(ours, bytes.Repeat([]byte("z"), 9000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = img.Fetch(context.Background(), 0, "", nil)
	wantError(t, err, "wanted "+diff)
}
