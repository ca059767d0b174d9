package unpack

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// meta is what an inode has besides its contents.
type meta struct {
	uid, gid uint32
	mode     uint32            // permission bits, with setuid, setgid and sticky
	times    [2]unix.Timespec  // of access and change
	xattrs   map[string]string // by name; nil where there are none
}

const (
	specialBits = 0o7000
	defaultACL  = "system.posix_acl_default" // what new files inherit (acl(5))
	paxXattr    = "SCHILY.xattr."            // before an xattr's name in a PAX header
)

// headerMeta reads what the stream says.
func headerMeta(h *tar.Header) (*meta, error) {
	m := &meta{mode: uint32(h.Mode & 0o7777)}
	for _, id := range []struct {
		value int
		to    *uint32
	}{{h.Uid, &m.uid}, {h.Gid, &m.gid}} {
		// The highest one means "leave it" in chown(2).
		if id.value < 0 || int64(id.value) >= 1<<32-1 {
			return nil, &LayerError{Entry: h.Name, Why: "has an owner that Linux does not have: " + strconv.Itoa(id.value)}
		}
		*id.to = uint32(id.value)
	}
	m.times[1] = unix.Timespec{Sec: h.ModTime.Unix(), Nsec: int64(h.ModTime.Nanosecond())}
	if m.times[0] = m.times[1]; !h.AccessTime.IsZero() {
		m.times[0] = unix.Timespec{Sec: h.AccessTime.Unix(), Nsec: int64(h.AccessTime.Nanosecond())}
	}
	for key, value := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, paxXattr); ok {
			if m.xattrs == nil {
				m.xattrs = map[string]string{}
			}
			m.xattrs[name] = value
		}
	}
	return m, nil
}

// setFolder gives an open folder its metadata; the times are set when it is
// closed.
func (a *applier) setFolder(f *folder, m *meta) error {
	if !a.OneID && (f.uid != m.uid || f.gid != m.gid) {
		if err := unix.Fchown(f.fd, int(m.uid), int(m.gid)); err != nil {
			return ownerError(f.path, m, err)
		}
		f.uid, f.gid = m.uid, m.gid
	}
	err := a.setXattrs(f.path, m, func(name string, value []byte) error {
		if name == defaultACL {
			f.acl, a.acls = value, true
			return nil
		}
		return unix.Fsetxattr(f.fd, name, value, 0)
	})
	if err != nil {
		return err
	}
	// fchmod(2) after chown(2), which clears setuid and setgid, and after user
	// xattrs, which need the permission to write.
	if f.mode != m.mode || m.mode&specialBits != 0 || m.xattrs != nil {
		if err := unix.Fchmod(f.fd, m.mode); err != nil {
			return entryError("set the mode of", f.path, err)
		}
		f.mode = m.mode
	}
	f.times, f.dirty = m.times, true
	return nil
}

// setFile gives an open new file its metadata; made is the mode it was made with.
func (a *applier) setFile(parent *folder, fd int, base string, m *meta, made uint32) error {
	if a.foreign(parent, m) {
		if err := unix.Fchown(fd, int(m.uid), int(m.gid)); err != nil {
			return ownerError(a.name, m, err)
		}
	}
	err := a.setXattrs(a.name, m, func(name string, value []byte) error {
		return unix.Fsetxattr(fd, name, value, 0)
	})
	if err != nil {
		return err
	}
	if made != m.mode || made&a.umask != 0 {
		if err := unix.Fchmod(fd, m.mode); err != nil {
			return entryError("set the mode of", a.name, err)
		}
	}
	if err := setTimes(fd, &m.times); err != nil {
		return entryError("set the times of", a.name, err)
	}
	return nil
}

// setNode does it for what can't be opened: symlinks, fifos, devices.
func (a *applier) setNode(parent *folder, base string, m *meta, chmod bool) error {
	if a.foreign(parent, m) {
		if err := unix.Fchownat(parent.fd, base, int(m.uid), int(m.gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return ownerError(a.name, m, err)
		}
	}
	err := a.setXattrs(a.name, m, func(name string, value []byte) error {
		// There is no setxattrat(2) before Linux 6.13.
		return unix.Lsetxattr(fmt.Sprintf("/proc/self/fd/%d/%s", parent.fd, base), name, value, 0)
	})
	if err != nil {
		return err
	}
	if chmod {
		if err := unix.Fchmodat(parent.fd, base, m.mode, 0); err != nil {
			return entryError("set the mode of", a.name, err)
		}
	}
	if err := unix.UtimesNanoAt(parent.fd, base, m.times[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return entryError("set the times of", a.name, err)
	}
	return nil
}

// foreign says whether what was made in a folder needs another owner. A folder
// with setgid, or a filesystem mounted so, gives its own group (open(2)).
func (a *applier) foreign(parent *folder, m *meta) bool {
	return !a.OneID && (m.uid != a.uid || m.gid != a.gid || parent.gid != a.gid)
}

func ownerError(name string, m *meta, err error) error {
	owner := fmt.Sprintf("give the owner %d:%d to", m.uid, m.gid)
	if err == unix.EINVAL { // user_namespaces(7)
		return fmt.Errorf("cannot %s %s: the user namespace does not map this id; a larger range in /etc/subuid and /etc/subgid would: %w", owner, show(name), err)
	}
	return entryError(owner, name, err)
}

// isOverlay says whether an xattr is overlayfs's own: an image that sets one
// could show files of other layers, or hide them.
func isOverlay(name string) bool {
	return strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.")
}

// setXattrs sets all that an image may set. What this kernel or filesystem has no
// place for, or allows only to somebody else, is left out and counted.
func (a *applier) setXattrs(path string, m *meta, set func(name string, value []byte) error) error {
	for name, value := range m.xattrs {
		err := error(unix.EPERM)
		if !isOverlay(name) {
			err = set(name, []byte(value))
		}
		switch err {
		case nil:
		case unix.EPERM, unix.EOPNOTSUPP, unix.EINVAL:
			a.result.Xattrs++
		default:
			return entryError("set the xattr "+show(name)+" of", path, err)
		}
	}
	return nil
}

// xattr reads one of an open file; nil where it has none.
func xattr(fd int, name string) ([]byte, error) {
	buf := make([]byte, 256)
	for {
		n, err := unix.Fgetxattr(fd, name, buf)
		switch err {
		case nil:
			return buf[:n], nil
		case unix.ERANGE:
			buf = make([]byte, 64<<10) // XATTR_SIZE_MAX
		case unix.ENODATA, unix.EOPNOTSUPP:
			return nil, nil
		default:
			return nil, fmt.Errorf("cannot read an xattr: %w", err)
		}
	}
}

// xattrs lists those of an open file, without overlayfs's.
func xattrs(fd int) ([]string, error) {
	n, err := unix.Flistxattr(fd, nil)
	if err == unix.EOPNOTSUPP || err == nil && n == 0 {
		return nil, nil
	}
	buf := make([]byte, n)
	if err == nil {
		n, err = unix.Flistxattr(fd, buf)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list xattrs: %w", err)
	}
	var names []string
	for name := range bytes.SplitSeq(buf[:n], []byte{0}) {
		if len(name) > 0 && !isOverlay(string(name)) {
			names = append(names, string(name))
		}
	}
	return names, nil
}

// setTimes sets an open file's: futimens(3) is utimensat(2) without a path.
func setTimes(fd int, times *[2]unix.Timespec) error {
	if _, _, e := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(times)), 0, 0, 0); e != 0 {
		return e
	}
	return nil
}

// umask reads the process's without changing it (proc(5), Linux 4.7); where it
// can't be read, one that has every mode set explicitly.
func umask() uint32 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0o777
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "Umask:"); ok {
			if mask, err := strconv.ParseUint(strings.TrimSpace(value), 8, 32); err == nil {
				return uint32(mask)
			}
		}
	}
	return 0o777
}
