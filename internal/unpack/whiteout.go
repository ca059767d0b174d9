package unpack

import (
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
	if parent, err = a.folder(parent.path); err != nil {
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
	return a.markOpaque(f)
}

// hideAll hides what lower layers have in a folder.
func (a *applier) hideAll(dir string) error {
	f, err := a.folder(dir)
	if err != nil {
		return err
	}
	if !a.Flat {
		return a.markOpaque(f)
	}
	f.dirty = true
	path := f.path
	if err := a.releaseAll(); err != nil {
		return err
	}
	if f, err = a.folder(path); err != nil {
		return err
	}
	return a.prune(f.fd, f.ino)
}

// markOpaque has overlayfs look no further down.
func (a *applier) markOpaque(f *folder) error {
	if f.path == top {
		a.result.Opaque = true
	}
	if err := unix.Fsetxattr(f.fd, a.opaque, []byte("y"), 0); err != nil {
		return entryError("set the xattr "+a.opaque+" of", f.path, err)
	}
	if a.whiteouts == 0 {
		return nil
	}
	path := f.path
	if err := a.releaseAll(); err != nil {
		return err
	}
	f, err := a.folder(path)
	if err != nil {
		return err
	}
	f.dirty = true
	return a.prune(f.fd, f.ino)
}

// inOpaque says whether nothing of lower layers is seen in a folder.
func (a *applier) inOpaque(path string) (bool, error) {
	for {
		f, err := a.folder(path)
		if err != nil {
			return false, err
		}
		value, err := xattr(f.fd, a.opaque)
		if err != nil || string(value) == "y" || path == top {
			return string(value) == "y", err
		}
		path, _ = split(path)
	}
}

// hideFlat removes what lower layers have at a name.
func (a *applier) hideFlat(dir, base string) error {
	f, err := a.folder(dir)
	if err != nil {
		return err
	}
	f.dirty = true
	path := f.path
	if err := a.releaseAll(); err != nil {
		return err
	}
	if f, err = a.folder(path); err != nil {
		return err
	}
	if !a.made.has(f.ino, base) {
		if err := removeTree(f.fd, base); err != nil && err != unix.ENOENT {
			return entryError("remove", join(path, base), err)
		}
		return nil
	}
	return a.descend(f.fd, base)
}
