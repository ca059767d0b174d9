package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// carryOut makes the root under construction this process's own, so that no name
// leads out of it, and changes it.
func (r *buildRequest) carryOut() error {
	blobs := map[string]*os.File{} // of the host, which is out of sight soon
	for _, c := range r.Changes {
		if c.Blob == "" {
			continue
		}
		f, err := os.Open(c.Blob)
		if err != nil {
			return fmt.Errorf("cannot open the archive: %w", err)
		}
		blobs[c.Blob] = f
	}
	if err := rootfs.Build(&r.Root); err != nil {
		return err
	}
	// A link of an image may lead into the project, which is only read here.
	readOnly := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, project, unix.AT_RECURSIVE, readOnly); err != nil {
		return fmt.Errorf("cannot make the project read-only: %w", err)
	}
	for i := range r.Changes {
		if err := r.change(&r.Changes[i], blobs); err != nil {
			return err
		}
	}
	return nil
}

func (r *buildRequest) change(c *Change, blobs map[string]*os.File) error {
	switch c.Kind {
	case EnsureDir:
		return makeFolders(c.Path)
	case Text:
		return writeText(c.Path, c.Content)
	case Remove:
		if err := os.RemoveAll(c.Path); err != nil {
			return fmt.Errorf("cannot remove: %w", err)
		}
		return nil
	case Copy:
		if err := makeFolders(path.Dir(c.Path)); err != nil {
			return err
		}
		return copyIn(c.Copy, c.Path)
	case Tar:
		return r.untar(c, blobs[c.Blob])
	}
	return fmt.Errorf("internal error: no change %q", c.Kind)
}

// makeFolders makes a folder and its parents, 0755.
func makeFolders(name string) error {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	return nil
}

// writeText makes a file, instead of a file or a link that is there.
func writeText(name, content string) error {
	if err := makeFolders(path.Dir(name)); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot replace: %w", err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		return fmt.Errorf("cannot write: %w", err)
	}
	return nil
}
