package unpack

import (
	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// Whiteouts hide what lower layers have, never what their own layer has, and the
// stream may have both in any order (layer.md of the OCI image specification).
// In overlay format the folder holds this layer only, so what is there says it
// all. In a flat folder it is not to be seen whose a file is: made knows.

// isWhiteout says whether overlayfs takes a file for a whiteout.
func isWhiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

// hide hides a name in a folder.
func (a *applier) hide(dir, base string) error {
	if a.Flat {
		return a.hideFlat(dir, base)
	}
	parent, err := a.folder(dir)
	if err != nil {
		return err
	}
	// In an opaque folder it would hide nothing, and be listed as a broken file:
	// overlayfs leaves whiteouts out only where it merges folders.
	if opaque, err := a.inOpaque(parent.path); err != nil || opaque {
		return err
	}
	parent.dirty = true
	err = unix.Mknodat(parent.fd, base, unix.S_IFCHR, 0)
	switch err {
	case nil:
		a.whiteouts++
		return nil
	case unix.EEXIST:
	default:
		return entryError("make the whiteout", a.name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(parent.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return entryError("look at", a.name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil // this layer's own, which hides the lower ones
	}
	f, err := a.child(parent, base)
	if err != nil {
		return err
	}
	return a.hideBelow(f)
}

// hideAll hides what lower layers have in a folder.
func (a *applier) hideAll(dir string) error {
	f, err := a.folder(dir)
	if err != nil {
		return err
	}
	if !a.Flat {
		return a.hideBelow(f)
	}
	if f, err = a.alone(f); err != nil {
		return err
	}
	return a.prune(f.fd, f.ino)
}

// alone closes all folders but one (and the top), which is about to be changed
// far down: what is below it has its own times on the disk then.
func (a *applier) alone(f *folder) (*folder, error) {
	if err := a.releaseAll(); err != nil {
		return nil, err
	}
	f, err := a.folder(f.path)
	if err == nil {
		f.dirty = true
	}
	return f, err
}

// hideBelow hides what lower layers have in a folder of this layer, for which the
// whiteouts in it are not needed any more.
func (a *applier) hideBelow(f *folder) error {
	if err := a.markOpaque(f); err != nil || a.whiteouts == 0 {
		return err
	}
	f, err := a.alone(f)
	if err != nil {
		return err
	}
	return a.prune(f.fd, f.ino)
}

// markOpaque has overlayfs look no further down.
func (a *applier) markOpaque(f *folder) error {
	a.opaques++
	if f.path == top {
		a.result.Opaque = true
	}
	if err := unix.Fsetxattr(f.fd, a.opaque, []byte("y"), 0); err != nil {
		return entryError("set the xattr "+a.opaque+" of", f.path, err)
	}
	return nil
}

// inOpaque says whether nothing of lower layers is seen in a folder. It leaves
// the open folders as they are.
func (a *applier) inOpaque(path string) (bool, error) {
	for a.opaques > 0 {
		opaque, err := a.isOpaque(path)
		if err != nil || opaque {
			return opaque, err
		}
		if path == top {
			break
		}
		path, _ = split(path)
	}
	return false, nil
}

func (a *applier) isOpaque(path string) (bool, error) {
	fd := -1
	if f := a.folders[path]; f != nil {
		fd = f.fd
	} else {
		var err error
		if fd, err = linux.OpenPlain(a.folders[top].fd, path, openFolder); err != nil {
			return false, entryError("open the folder", path, err)
		}
		defer unix.Close(fd)
	}
	value, err := xattr(fd, a.opaque)
	return string(value) == "y", err
}

// hideFlat removes what lower layers have at a name.
func (a *applier) hideFlat(dir, base string) error {
	f, err := a.folder(dir)
	if err != nil {
		return err
	}
	if f, err = a.alone(f); err != nil {
		return err
	}
	if !a.made.has(f.ino, base) {
		if err := removeTree(f.fd, base); err != nil && err != unix.ENOENT {
			return entryError("remove", join(f.path, base), err)
		}
		return nil
	}
	return a.descend(f.fd, base)
}
