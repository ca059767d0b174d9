package worker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/unpack"
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

// untar unpacks an archive over what is there.
func (r *buildRequest) untar(c *Change, blob *os.File) error {
	if blob == nil {
		f, err := os.Open(c.Source)
		if err != nil {
			return fmt.Errorf("cannot open the archive: %w", err)
		}
		defer f.Close()
		blob = f
	}
	if err := makeFolders(c.Path); err != nil {
		return err
	}
	dir, err := os.OpenFile(c.Path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("cannot unpack: %w", err)
	}
	defer dir.Close()
	in, stop, err := decompress(blob)
	if err != nil {
		return fmt.Errorf("cannot read the archive: %w", err)
	}
	defer stop()
	if c.Subdir != "" && c.Subdir != "." {
		part, write := io.Pipe()
		defer part.Close()
		whole := in
		go func() { write.CloseWithError(below(whole, c.Subdir, write)) }()
		in = part
	}
	_, err = unpack.Apply(context.Background(), dir, in, unpack.Options{
		Flat: true, OneID: r.OneID, Nodes: !r.UserNS, MaxBytes: r.Limits.Bytes, MaxFiles: r.Limits.Files,
	})
	if err != nil {
		return fmt.Errorf("cannot unpack: %w", err)
	}
	return nil
}

// below copies what an archive has below a folder, and names it from there.
func below(in io.Reader, folder string, out io.Writer) error {
	r, w := tar.NewReader(in), tar.NewWriter(out)
	found := false
	for {
		h, err := r.Next()
		switch {
		case err == io.EOF && !found:
			return fmt.Errorf("there is no %s in the archive", folder)
		case err == io.EOF:
			return w.Close()
		case err != nil:
			return err
		}
		name, ok := under(h.Name, folder)
		if !ok {
			continue
		}
		found = true
		h.Name = name
		if h.Typeflag == tar.TypeLink {
			if h.Linkname, ok = under(h.Linkname, folder); !ok {
				return fmt.Errorf("%s is a hard link to something outside of %s", name, folder)
			}
		}
		if h.Typeflag == tar.TypeGNUSparse {
			h.Typeflag = tar.TypeReg // its holes are zeros by now
		}
		h.Format = tar.FormatUnknown
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
	}
}

// under gives the name that something has below folder.
func under(name, folder string) (string, bool) {
	rest, ok := strings.CutPrefix(path.Clean("/"+name)+"/", path.Clean("/"+folder)+"/")
	if !ok {
		return "", false
	}
	if rest = strings.TrimSuffix(rest, "/"); rest == "" {
		rest = "."
	}
	return rest, true
}
