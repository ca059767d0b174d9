package rootfs

import (
	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// mountCopy mounts a tmpfs that starts as a copy of a root's own folder.
func (b *builder) mountCopy(m *Mount, target int) *linux.StepError {
	source, e := b.openCopySource(m, target)
	if e != nil {
		return e
	}
	mnt, err := tmpfs(nosuid|nodev, m.Size, 0o755)
	if err == nil {
		err = copyTree(source, mnt)
	}
	unix.Close(source)
	if err == nil && (m.UID >= 0 || m.GID >= 0) {
		err = unix.Fchownat(mnt, "", int(m.UID), int(m.GID), unix.AT_EMPTY_PATH)
	}
	if err == nil {
		err = attach(mnt, target)
	}
	if err != nil {
		e := linux.Fail("copy into snapshot volume", m.Target, err)
		if e.Errno == unix.ENOSPC {
			e.Detail = "raise its size"
		}
		return e
	}
	return nil
}

func (b *builder) openCopySource(m *Mount, target int) (int, *linux.StepError) {
	if m.Source == "" {
		fd, err := unix.Openat(target, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, linux.Fail("read the original of snapshot volume", m.Target, err)
		}
		return fd, nil
	}
	root, err := unix.Open(m.Source, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, linux.Fail("open the root", m.Source, err)
	}
	defer unix.Close(root)
	fd, err := linux.OpenInRoot(root, m.Target, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return -1, linux.Fail("read the original of snapshot volume "+m.Target+" in", m.Source, err)
	}
	return fd, nil
}

// copyTree copies the contents and attributes of directory from into directory
// to: folders, files, links, fifos; not sockets and devices. An owner that has
// no id here becomes ours.
func copyTree(from, to int) error {
	names, err := linux.Names(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		var st unix.Stat_t
		if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if err := copyEntry(from, to, name, &st); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return err
	}
	return copyAttributes(to, &st)
}

func copyAttributes(to int, st *unix.Stat_t) error {
	// By AT_EMPTY_PATH, because the root of a new mount is an O_PATH descriptor.
	err := unix.Fchownat(to, "", int(st.Uid), int(st.Gid), unix.AT_EMPTY_PATH)
	if err != nil && err != unix.EINVAL && err != unix.EPERM {
		return err
	}
	dir, err := unix.Openat(to, ".", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR {
		dir, err = to, nil
	} else if err == nil {
		defer unix.Close(dir)
	}
	if err == nil {
		err = unix.Fchmod(dir, st.Mode&0o7777)
	}
	return err
}

func copyEntry(from, to int, name string, st *unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if err := unix.Mkdirat(to, name, 0o700); err != nil {
			return err
		}
		return withBoth(from, to, name, unix.O_RDONLY|unix.O_DIRECTORY, unix.O_RDONLY|unix.O_DIRECTORY, copyTree)
	case unix.S_IFREG:
		err := withBoth(from, to, name, unix.O_RDONLY|unix.O_NONBLOCK, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, func(in, out int) error {
			if err := copyData(in, out, st.Size); err != nil {
				return err
			}
			return copyAttributes(out, st)
		})
		if err != nil {
			return err
		}
	case unix.S_IFLNK:
		var buf [unix.PathMax]byte
		n, err := unix.Readlinkat(from, name, buf[:])
		if err == nil {
			err = unix.Symlinkat(string(buf[:n]), to, name)
		}
		if err != nil {
			return err
		}
		_ = unix.Fchownat(to, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
	case unix.S_IFIFO:
		if err := unix.Mknodat(to, name, st.Mode, 0); err != nil {
			return err
		}
	default:
		return nil
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	return unix.UtimesNanoAt(to, name, times, unix.AT_SYMLINK_NOFOLLOW)
}

func withBoth(from, to int, name string, inFlags, outFlags int, f func(in, out int) error) error {
	in, err := unix.Openat(from, name, inFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	out, err := unix.Openat(to, name, outFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	return f(in, out)
}

func copyData(in, out int, size int64) error {
	for size > 0 {
		n, err := linux.Retry(func() (int, error) { return unix.Sendfile(out, in, nil, int(min(size, 1<<30))) })
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		size -= int64(n)
	}
	return nil
}
