package unpack

import (
	"strings"

	"golang.org/x/sys/unix"
)

// imply gives a folder that the layer does not list what the lower layers show
// there, unless the layer hides it.
func (a *applier) imply(f *folder, hidden bool) error {
	m := &meta{mode: 0o755}
	lower := a.Lower
	if hidden || a.Flat {
		lower = nil
	}
	for _, root := range lower {
		fd, more, err := a.lookIn(int(root.Fd()), f.path)
		if err != nil {
			return entryError("look in a lower layer for", f.path, err)
		}
		if fd >= 0 {
			m, err = folderMeta(fd)
			unix.Close(fd)
			if err != nil {
				return entryError("look in a lower layer at", f.path, err)
			}
		}
		if !more {
			break
		}
	}
	return a.setFolder(f, m)
}

// lookIn opens the folder that one lower layer has at a path, and says whether
// the layers below it count too: they don't if there is one, if something else
// stands in the way, or if a folder above it is opaque.
func (a *applier) lookIn(root int, path string) (found int, more bool, err error) {
	fd, err := unix.Openat(root, ".", openFolder, 0)
	if err != nil || path == top {
		return fd, false, err
	}
	more = true
	for part := range strings.SplitSeq(path, "/") {
		value, err := xattr(fd, a.opaque)
		if err != nil {
			unix.Close(fd)
			return -1, false, err
		}
		more = more && string(value) != "y"
		next, err := unix.Openat(fd, part, openFolder, 0)
		unix.Close(fd)
		switch fd = next; err {
		case nil:
		case unix.ENOENT:
			return -1, more, nil
		case unix.ENOTDIR, unix.ELOOP:
			return -1, false, nil
		default:
			return -1, false, err
		}
	}
	return fd, false, nil
}

// folderMeta reads what an open folder has.
func folderMeta(fd int) (*meta, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	m := &meta{uid: st.Uid, gid: st.Gid, mode: st.Mode & 0o7777, times: [2]unix.Timespec{st.Atim, st.Mtim}}
	names, err := xattrs(fd)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		value, err := xattr(fd, name)
		if err != nil {
			return nil, err
		}
		if m.xattrs == nil {
			m.xattrs = map[string]string{}
		}
		m.xattrs[name] = string(value)
	}
	return m, nil
}
