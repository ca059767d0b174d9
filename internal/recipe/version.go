package recipe

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// format is hashed first. It changes when the same steps give another result
// than before, so that older builds are not found any more.
const format = "lanyard recipe 1"

// Version gives the version of a container with an image or a setup: 64
// lower-case hex digits. An image counts as it is written, because what a tag
// stands for is only known where images are fetched. base gives the version of
// the container that c starts from, so that the caller can remember it; with
// nil it is found out the same way. Its files are read each time. Errors name
// the step's position and the path.
func Version(p *plan.Plan, c *plan.Container, base func(*plan.Container) (string, error)) (string, error) {
	if len(c.Unsupported) > 0 {
		return "", errors.New(c.Unsupported[0].String())
	}
	if base == nil {
		base = func(c *plan.Container) (string, error) { return Version(p, c, nil) }
	}
	project, err := os.OpenRoot(p.Root)
	if err != nil {
		return "", fmt.Errorf("cannot open the project: %w", err)
	}
	defer project.Close()
	e := newEncoder()
	e.text("format", format)
	switch {
	case c.Image != "":
		e.text("image", c.Image)
	case len(c.Setup) == 0:
		return "", fmt.Errorf("container %s (%s) has neither image nor setup, so it has no version", c.Name, c.Pos)
	}
	for i := range c.Setup {
		s := &c.Setup[i]
		e.text("step", string(s.Kind))
		if s.Kind == plan.StepContainer {
			from, ok := p.Containers[s.Base]
			if !ok {
				return "", fmt.Errorf("%s: !Container: there is no container %q", s.Pos, s.Base)
			}
			version, err := base(from)
			if err != nil {
				return "", err
			}
			e.text("base", version)
			continue
		}
		if err := e.step(project, s); err != nil {
			return "", explain(s, err)
		}
	}
	return hex.EncodeToString(e.sum()), nil
}

// step hashes every field of s that matters for the result, in a fixed order.
func (e *encoder) step(project *os.Root, s *plan.Step) error {
	switch s.Kind {
	case plan.StepImage:
		e.text("image", s.Image)
	case plan.StepDebian:
		e.text("release", s.Release)
		e.text("mirror", s.Mirror)
		e.text("variant", s.Variant)
		e.texts("packages", s.Packages)
	case plan.StepInstall:
		e.texts("packages", s.Packages)
	case plan.StepTar:
		return e.tar(project, s)
	case plan.StepCopy:
		return e.copied(project, s)
	case plan.StepDepends:
		return e.tree(project, s.Source, func(Entry) {})
	case plan.StepText:
		e.number("files", int64(len(s.Files)))
		for _, f := range s.Files {
			e.text("path", f.Path)
			e.text("content", f.Content)
		}
	case plan.StepEnsureDir, plan.StepRemove:
		e.text("path", s.Target)
	case plan.StepEnv:
		e.number("variables", int64(len(s.Env)))
		for _, v := range s.Env {
			e.text("name", v.Name)
			e.text("value", v.Value)
		}
	case plan.StepSh:
		e.text("script", s.Script)
	case plan.StepCmd:
		e.texts("argv", s.Argv)
	case plan.StepCacheDirs:
		e.number("caches", int64(len(s.Caches)))
		for _, c := range s.Caches {
			e.text("path", c.Path)
			e.text("name", c.Name)
		}
	default:
		return fmt.Errorf("internal error: a step !%s has no version", s.Kind)
	}
	return nil
}

// tar hashes what is in the archive and not where it comes from: another mirror
// of the same bytes gives the same result.
func (e *encoder) tar(project *os.Root, s *plan.Step) error {
	e.text("path", s.Target)
	e.text("subdir", s.Subdir)
	if s.URL != "" {
		e.text("archive", s.SHA256)
		return nil
	}
	info, err := project.Stat(s.Source)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("is %s and no archive", typeName(info.Mode()))
	}
	sum, err := e.content(Entry{Path: ".", Info: info, dir: project, name: s.Source})
	e.text("archive", hex.EncodeToString(sum))
	return err
}

func (e *encoder) copied(project *os.Root, s *plan.Step) error {
	e.text("path", s.Target)
	e.number("uid", idOf(s.OwnerUID))
	e.number("gid", idOf(s.OwnerGID))
	return e.tree(project, s.Source, func(entry Entry) {
		e.text("mode", strconv.FormatUint(uint64(Mode(s, entry.Info.Mode())), 8))
		if s.PreserveTimes && entry.Info.Mode().IsRegular() {
			e.number("mtime", entry.Info.ModTime().UnixNano())
		}
	})
}

// idOf is the owner of what !Copy makes: root, whoever has the project.
func idOf(id *uint32) int64 {
	if id == nil {
		return 0
	}
	return int64(*id)
}

// Mode gives the permission bits (with setuid, setgid and sticky, as chmod(2)
// takes them) of what a !Copy makes of a file, folder or link. As in vagga only
// the owner's x counts unless the bits are preserved, because the others
// depend on the umask of whoever checked the project out. A link has none: 0.
func Mode(s *plan.Step, mode fs.FileMode) uint32 {
	switch {
	case mode&fs.ModeSymlink != 0:
		return 0
	case s.PreservePermissions:
		bits := uint32(mode.Perm())
		for _, b := range []struct {
			has fs.FileMode
			bit uint32
		}{{fs.ModeSetuid, syscall.S_ISUID}, {fs.ModeSetgid, syscall.S_ISGID}, {fs.ModeSticky, syscall.S_ISVTX}} {
			if mode&b.has != 0 {
				bits |= b.bit
			}
		}
		return bits
	case mode.IsDir() || mode&0o100 != 0:
		return 0o777 &^ s.Umask
	}
	return 0o666 &^ s.Umask
}

// explain says which step err is about, and what to do.
func explain(s *plan.Step, err error) error {
	what := fmt.Sprintf("%s: !%s ./%s", s.Pos, s.Kind, s.Source)
	var errno syscall.Errno
	var path *fs.PathError
	switch {
	case !errors.As(err, &path):
		return fmt.Errorf("%s: %w", what, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %s does not exist in the project; create it, or correct the step", what, path.Path)
	case !errors.As(err, &errno):
		// os.Root has one error that is not the kernel's.
		return fmt.Errorf("%s: a link at or above %s leads out of the project, where nothing can be taken from; put what it names into the project (%w)", what, path.Path, path.Err)
	}
	return fmt.Errorf("%s: cannot read %s: %w", what, path.Path, path.Err)
}
