package unpack

import (
	"errors"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// folder is an open one. Making something in a folder changes its time, so its
// own is kept here while it is open and set when it is closed: what is not open
// is as it should be on the disk, and no list of all folders is needed.
type folder struct {
	path  string // real: no part of it is a symlink
	fd    int
	ino   uint64
	uid   uint32
	gid   uint32
	mode  uint32 // permission bits
	times [2]unix.Timespec
	dirty bool   // times have to be set
	acl   []byte // the default ACL, which would change what is made here; nil: none
	used  uint64 // when, by the applier's clock
}

// maxFolders bounds the open folders. A tar stream goes through a tree in depth,
// so the ones needed next are those used last.
const maxFolders = 64

const openFolder = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// folder opens the folder at a path, and makes what is missing of it. Symlinks
// in it are followed inside the top folder, as they are in the container. It
// stays open at least until 60 others have been opened.
func (a *applier) folder(path string) (*folder, error) {
	if f := a.opened(path); f != nil {
		return f, nil
	}
	dir, base := split(path)
	parent, err := a.folder(dir)
	if err != nil {
		return nil, err
	}
	return a.child(parent, base)
}

// opened gives a folder that is open.
func (a *applier) opened(path string) *folder {
	f := a.folders[path]
	if f != nil {
		a.clock++
		f.used = a.clock
	}
	return f
}

// child opens a folder in an open one, makes it if it is missing, and follows it
// if it is a symlink.
func (a *applier) child(parent *folder, base string) (*folder, error) {
	path := join(parent.path, base)
	if f := a.opened(path); f != nil {
		return f, nil
	}
	mine := a.made.has(parent.ino, base)
	a.made.add(parent, base)
	fd, err := unix.Openat(parent.fd, base, openFolder, 0)
	switch err {
	case nil:
		return a.adopt(path, fd)
	case unix.ENOENT:
		hidden, err := a.inOpaque(parent.path)
		if err != nil {
			return nil, err
		}
		return a.makeImplied(parent, base, hidden)
	case unix.ENOTDIR, unix.ELOOP:
		return a.instead(parent, base, mine)
	}
	return nil, entryError("open the folder", path, err)
}

// instead finds a folder where something else stands, which may be of this layer
// (mine).
func (a *applier) instead(parent *folder, base string, mine bool) (*folder, error) {
	path := join(parent.path, base)
	var st unix.Stat_t
	if err := unix.Fstatat(parent.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, entryError("look at", path, err)
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		real, err := linux.Resolve(a.folders[top].fd, path, func(string) bool { return false })
		if err != nil {
			return nil, &LayerError{Entry: a.name, Why: "lies behind the symlink " + show(path) + ", which leads nowhere: " + err.Error()}
		}
		if real == "/" {
			return a.folder(top)
		}
		return a.folder(strings.TrimPrefix(real, "/"))
	case isWhiteout(&st), a.Flat && !mine: // a lower layer's file, which the folder hides
		if err := unix.Unlinkat(parent.fd, base, 0); err != nil {
			return nil, entryError("replace", path, err)
		}
		f, err := a.makeImplied(parent, base, true)
		if err != nil || a.Flat {
			return f, err
		}
		return f, a.markOpaque(f)
	}
	return nil, &LayerError{Entry: a.name, Why: "lies in " + show(path) + ", which is not a folder"}
}

// makeImplied makes a folder that the layer has not listed, at least not yet;
// hidden says that the layer hides what lower layers have there.
func (a *applier) makeImplied(parent *folder, base string, hidden bool) (*folder, error) {
	path := join(parent.path, base)
	if err := a.count(); err != nil {
		return nil, err
	}
	parent.dirty = true
	if err := unix.Mkdirat(parent.fd, base, 0o700); err != nil {
		return nil, entryError("make the folder", path, err)
	}
	fd, err := unix.Openat(parent.fd, base, openFolder, 0)
	if err != nil {
		return nil, entryError("open the folder", path, err)
	}
	f, err := a.adopt(path, fd)
	if err != nil {
		return nil, err
	}
	return f, a.imply(f, hidden)
}

// adopt notes an open folder and closes the one that was not used for longest.
func (a *applier) adopt(path string, fd int) (*folder, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, entryError("look at", path, err)
	}
	a.clock++
	f := &folder{path: path, fd: fd, ino: st.Ino, uid: st.Uid, gid: st.Gid, mode: st.Mode & 0o7777,
		times: [2]unix.Timespec{st.Atim, st.Mtim}, used: a.clock}
	a.folders[path] = f
	if a.Flat || a.acls {
		if err := f.liftACL(); err != nil {
			return nil, err
		}
	}
	if len(a.folders) <= maxFolders {
		return f, nil
	}
	var oldest *folder
	for _, other := range a.folders {
		if other.path != top && (oldest == nil || other.used < oldest.used) {
			oldest = other
		}
	}
	return f, a.release(oldest)
}

// release closes a folder and sets its times.
func (a *applier) release(f *folder) error {
	delete(a.folders, f.path)
	return f.close()
}

// releaseBelow closes the folder at a path, which is about to go, and those in it.
func (a *applier) releaseBelow(path string) error {
	var errs []error
	for name, f := range a.folders {
		if name == path || strings.HasPrefix(name, path+"/") {
			errs = append(errs, a.release(f))
		}
	}
	return errors.Join(errs...)
}

// releaseAll closes all folders but the top one, so that they are as they should
// be on the disk.
func (a *applier) releaseAll() error {
	var errs []error
	for name, f := range a.folders {
		if name != top {
			errs = append(errs, a.release(f))
		}
	}
	return errors.Join(errs...)
}

// closeFolders ends the work: the top folder comes last.
func (a *applier) closeFolders() error {
	err := a.releaseAll()
	if f := a.folders[top]; f != nil {
		err = errors.Join(err, a.release(f))
	}
	return err
}

func (f *folder) close() error {
	defer unix.Close(f.fd)
	if f.acl != nil {
		if err := unix.Fsetxattr(f.fd, defaultACL, f.acl, 0); err != nil {
			return entryError("set the default ACL of", f.path, err)
		}
	}
	if f.dirty {
		if err := setTimes(f.fd, &f.times); err != nil {
			return entryError("set the times of", f.path, err)
		}
	}
	return nil
}

// liftACL takes the default ACL off, until the folder is closed.
func (f *folder) liftACL() error {
	value, err := xattr(f.fd, defaultACL)
	if err != nil || value == nil {
		return err
	}
	f.acl = value
	if err := unix.Fremovexattr(f.fd, defaultACL); err != nil {
		return entryError("take the default ACL off", f.path, err)
	}
	return nil
}
