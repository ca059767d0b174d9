package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// entries applies the whole stream.
func (a *applier) entries() error {
	r := tar.NewReader(a.stream)
	for {
		h, err := r.Next()
		if err == io.EOF {
			// What follows the end is read for the digest and the checksums.
			return a.stream.drain()
		}
		if err == nil {
			err = a.entry(h, r)
		} else {
			err = a.readError(err)
		}
		if err != nil {
			return err
		}
	}
}

// readError says why the tar stream can't be read any further.
func (a *applier) readError(err error) error {
	if failed := a.stream.failed(); failed != nil {
		return failed
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	where := "at its beginning"
	if a.name != "" {
		where = "after the entry " + show(a.name)
	}
	return &LayerError{Why: fmt.Sprintf("is not a tar stream, or is damaged, %s: %v", where, err)}
}

// entry applies one.
func (a *applier) entry(h *tar.Header, contents io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // says nothing about files that images use (a comment: git archive)
	}
	a.name = h.Name
	if err := a.count(); err != nil {
		return err
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	if name == top {
		return a.topFolder(h)
	}
	kind, base, err := kindOf(h.Name, name)
	if err != nil || kind == ignored {
		return err
	}
	dir, _ := split(name)
	switch kind {
	case hides:
		return a.hide(dir, base)
	case hidesAll:
		return a.hideAll(dir)
	}
	m, err := headerMeta(h)
	if err != nil {
		return err
	}
	parent, err := a.folder(dir)
	if err != nil {
		return err
	}
	a.made.add(parent, base)
	parent.dirty = true
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return a.file(parent, base, h.Size, m, contents)
	case tar.TypeDir:
		return a.directory(parent, base, m)
	case tar.TypeSymlink:
		return a.symlink(parent, base, h.Linkname, m)
	case tar.TypeLink:
		return a.hardLink(parent, base, h.Linkname)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		return a.node(parent, base, h, m)
	}
	return &LayerError{Entry: h.Name, Why: fmt.Sprintf("has the type %q, which images don't have", h.Typeflag)}
}

// topFolder gives the folder itself what the layer says of it.
func (a *applier) topFolder(h *tar.Header) error {
	if h.Typeflag != tar.TypeDir {
		return &LayerError{Entry: h.Name, Why: "is the top folder, but not as a folder"}
	}
	m, err := headerMeta(h)
	if err != nil {
		return err
	}
	f := a.folders[top]
	if err := clearXattrs(f); err != nil {
		return err
	}
	return a.setFolder(f, m)
}

// directory makes a folder, or takes the one that is there.
func (a *applier) directory(parent *folder, base string, m *meta) error {
	path := join(parent.path, base)
	there, hidden := false, false
	// With its final mode, but for the bits that mkdir(2) may not set.
	err := unix.Mkdirat(parent.fd, base, m.mode&0o777)
	if err == unix.EEXIST {
		if there, hidden, err = a.makeRoom(parent, base); err == nil && !there {
			err = unix.Mkdirat(parent.fd, base, m.mode&0o777)
		}
	}
	if err != nil {
		return entryError("make the folder", path, err)
	}
	f, err := a.child(parent, base)
	if err != nil {
		return err
	}
	if there {
		if err := clearXattrs(f); err != nil {
			return err
		}
	}
	if err := a.setFolder(f, m); err != nil || !hidden {
		return err
	}
	return a.markOpaque(f)
}

// makeRoom removes what stands where a folder is to be, but a folder; hidden
// says that it was a whiteout.
func (a *applier) makeRoom(parent *folder, base string) (there, hidden bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(parent.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, false, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return true, false, nil
	}
	return false, isWhiteout(&st), unix.Unlinkat(parent.fd, base, 0)
}

// clearXattrs takes off what an earlier layer or entry gave to a folder: the
// last one counts, whole.
func clearXattrs(f *folder) error {
	f.acl = nil
	names, err := xattrs(f.fd)
	if err != nil {
		return err
	}
	for _, name := range names {
		// One that can't be taken off is the system's, such as SELinux's label.
		_ = unix.Fremovexattr(f.fd, name)
	}
	return nil
}

// retry makes something, and once more after what was in its place is gone: of
// several entries with one name the last counts.
func (a *applier) retry(parent *folder, base string, make func() error) error {
	err := make()
	if err != unix.EEXIST {
		return err
	}
	if err = unix.Unlinkat(parent.fd, base, 0); err == unix.EISDIR {
		if err = a.releaseBelow(join(parent.path, base)); err == nil {
			err = removeTree(parent.fd, base)
		}
	}
	if err != nil {
		return err
	}
	return make()
}

func (a *applier) symlink(parent *folder, base, target string, m *meta) error {
	err := a.retry(parent, base, func() error { return unix.Symlinkat(target, parent.fd, base) })
	if err != nil {
		return entryError("make the symlink", a.name, err)
	}
	return a.setNode(parent, base, m, false)
}

// hardLink links to what this layer has, or in a flat folder any. Owner, mode
// and times are those of the first link, which has the same inode.
func (a *applier) hardLink(parent *folder, base, to string) error {
	target, err := cleanTarget(a.name, to)
	if err != nil {
		return err
	}
	dir, name := split(target)
	// Not through the open folders: this must not make one, and a.retry may
	// close them.
	fd := parent.fd
	if dir != parent.path {
		if fd, err = linux.OpenInRoot(a.folders[top].fd, dir, unix.O_PATH|unix.O_DIRECTORY); err == nil {
			defer unix.Close(fd)
		}
	}
	var st, old unix.Stat_t
	if err == nil {
		err = unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	missing := &LayerError{Entry: a.name, Why: "is a hard link to " + show(to) + ", which the layer has not (yet); a layer must hold what its hard links point at, before them"}
	switch {
	case err == unix.ENOENT || err == unix.ENOTDIR || err == nil && isWhiteout(&st):
		return missing
	case err != nil:
		return entryError("look at", to, err)
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return &LayerError{Entry: a.name, Why: "is a hard link to " + show(to) + ", which is a folder"}
	}
	if unix.Fstatat(parent.fd, base, &old, unix.AT_SYMLINK_NOFOLLOW) == nil && old.Ino == st.Ino {
		return nil // to itself, or linked before: removing it could remove the target
	}
	err = a.retry(parent, base, func() error { return unix.Linkat(fd, name, parent.fd, base, 0) })
	if err == unix.ENOENT { // it was in a folder that the link replaced
		return missing
	}
	if err != nil {
		return entryError("make the hard link", a.name, err)
	}
	return nil
}

// node makes a fifo or a device.
func (a *applier) node(parent *folder, base string, h *tar.Header, m *meta) error {
	mode, device := m.mode, uint64(0)
	switch {
	case h.Typeflag == tar.TypeFifo:
		mode |= unix.S_IFIFO
	case h.Devmajor < 0 || h.Devmajor > 1<<12-1 || h.Devminor < 0 || h.Devminor > 1<<20-1: // kdev_t.h
		return &LayerError{Entry: a.name, Why: fmt.Sprintf("is the device %d:%d, which Linux does not have", h.Devmajor, h.Devminor)}
	case h.Typeflag == tar.TypeChar && h.Devmajor == 0 && h.Devminor == 0:
		return &LayerError{Entry: a.name, Why: "is the device 0:0, which hides files in an overlay; a layer hides them with names that begin with .wh."}
	case !a.Nodes:
		a.result.Skipped++
		return nil
	case h.Typeflag == tar.TypeChar:
		mode, device = mode|unix.S_IFCHR, unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	default:
		mode, device = mode|unix.S_IFBLK, unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	}
	err := a.retry(parent, base, func() error { return unix.Mknodat(parent.fd, base, mode, int(device)) })
	if err != nil {
		return entryError("make the device or fifo", a.name, err)
	}
	return a.setNode(parent, base, m, true)
}
