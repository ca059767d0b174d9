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
	"syscall"

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
		return c.copyTree(c.Source, c.Path, r.OneID)
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

// writeText replaces a file, or what a link leads to nowhere for.
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

// copyTree copies a file, a link or a folder with what is in it; folders that are
// there already are filled.
func (c *Change) copyTree(from, to string, oneID bool) error {
	info, err := os.Lstat(from)
	if err != nil {
		return fmt.Errorf("cannot copy: %w", err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		err = c.copyFolder(from, to, oneID)
	case mode.IsRegular():
		err = copyFile(from, to)
	case mode&fs.ModeSymlink != 0:
		var target string
		if target, err = os.Readlink(from); err == nil {
			_ = os.Remove(to)
			err = os.Symlink(target, to)
		}
	default:
		return nil // sockets, pipes and devices are no part of a system
	}
	if err != nil {
		return fmt.Errorf("cannot copy %s to %s: %w", from, to, err)
	}
	return c.finish(info, to, oneID)
}

func (c *Change) copyFolder(from, to string, oneID bool) error {
	if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.copyTree(path.Join(from, e.Name()), path.Join(to, e.Name()), oneID); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// finish gives a copy its owner, mode and time.
func (c *Change) finish(info fs.FileInfo, to string, oneID bool) error {
	if !oneID || c.UID != 0 || c.GID != 0 {
		if err := os.Lchown(to, c.UID, c.GID); err != nil {
			return fmt.Errorf("cannot give the copy its owner: %w", err)
		}
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode()&fs.ModeSymlink == 0 {
		// What may be executed stays so; nothing else of the mode is a matter of
		// whose machine it was copied on.
		mode := uint32(0o666)
		if st.Mode&0o111 != 0 || info.IsDir() {
			mode = 0o777
		}
		if mode &^= c.Umask; c.KeepModes {
			mode = st.Mode & 0o7777
		}
		if err := unix.Chmod(to, mode); err != nil {
			return fmt.Errorf("cannot give the copy its mode: %w", err)
		}
	}
	if !c.PreserveTimes {
		return nil
	}
	times := []unix.Timespec{unix.Timespec(st.Mtim), unix.Timespec(st.Mtim)}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, to, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("cannot give the copy its time: %w", err)
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
	in := io.Reader(blob)
	if c.Subdir != "" && c.Subdir != "." {
		plain, err := unpack.Decompress(blob)
		if err != nil {
			return fmt.Errorf("cannot read the archive: %w", err)
		}
		defer plain.Close()
		part, write := io.Pipe()
		defer part.Close()
		go func() { write.CloseWithError(below(plain, c.Subdir, write)) }()
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
