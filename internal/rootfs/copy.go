package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// mountCopy mounts a tmpfs that starts as a copy of a root's own folder.
func (b *builder) mountCopy(m *Mount, tree, target int) *linux.StepError {
	source, e := b.openCopySource(m, tree, target)
	if e != nil {
		return e
	}
	mnt, err := tmpfs(nosuid|nodev, m.Size, 0o755)
	if err == nil {
		err = copyTree(source, mnt)
	}
	syscall.Close(source)
	if err == nil && (m.UID >= 0 || m.GID >= 0) {
		err = syscall.Fchownat(mnt, "", int(m.UID), int(m.GID), linux.AT_EMPTY_PATH)
	}
	if err == nil {
		err = attach(mnt, target)
	}
	if err != nil {
		e := linux.Fail("copy into snapshot volume", m.Target, err)
		if e.Errno == syscall.ENOSPC {
			e.Detail = "raise its size"
		}
		return e
	}
	return nil
}

func (b *builder) openCopySource(m *Mount, tree, target int) (int, *linux.StepError) {
	if m.Source == "" && tree < 0 {
		fd, err := syscall.Openat(target, ".", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return -1, linux.Fail("read the original of snapshot volume", m.Target, err)
		}
		return fd, nil
	}
	root, err := tree, error(nil)
	if root < 0 {
		root, err = syscall.Open(m.Source, linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	}
	if err != nil {
		return -1, linux.Fail("open the root", m.Source, err)
	}
	defer syscall.Close(root)
	fd, err := linux.OpenInRoot(root, m.Target, syscall.O_RDONLY|syscall.O_DIRECTORY)
	if err != nil {
		in := m.Source
		if in == "" {
			in = "the other container's layers"
		}
		return -1, linux.Fail("read the original of snapshot volume "+m.Target+" in", in, err)
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
		var st syscall.Stat_t
		if err := linux.Fstatat(from, name, &st, linux.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if err := copyEntry(from, to, name, &st); err != nil {
			return err
		}
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(from, &st); err != nil {
		return err
	}
	return copyAttributes(to, &st)
}

func copyAttributes(to int, st *syscall.Stat_t) error {
	// By AT_EMPTY_PATH, because the root of a new mount is an O_PATH descriptor.
	err := syscall.Fchownat(to, "", int(st.Uid), int(st.Gid), linux.AT_EMPTY_PATH)
	if err != nil && err != syscall.EINVAL && err != syscall.EPERM {
		return err
	}
	dir, err := syscall.Openat(to, ".", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOTDIR {
		dir, err = to, nil
	} else if err == nil {
		defer syscall.Close(dir)
	}
	if err == nil {
		err = syscall.Fchmod(dir, st.Mode&0o7777)
	}
	return err
}

func copyEntry(from, to int, name string, st *syscall.Stat_t) error {
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		if err := syscall.Mkdirat(to, name, 0o700); err != nil {
			return err
		}
		return withBoth(from, to, name, syscall.O_RDONLY|syscall.O_DIRECTORY, syscall.O_RDONLY|syscall.O_DIRECTORY, copyTree)
	case syscall.S_IFREG:
		err := withBoth(from, to, name, syscall.O_RDONLY|syscall.O_NONBLOCK, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, func(in, out int) error {
			if err := copyData(in, out, st.Size); err != nil {
				return err
			}
			return copyAttributes(out, st)
		})
		if err != nil {
			return err
		}
	case syscall.S_IFLNK:
		target, err := linux.Readlinkat(from, name)
		if err == nil {
			err = linux.Symlinkat(target, to, name)
		}
		if err != nil {
			return err
		}
		_ = syscall.Fchownat(to, name, int(st.Uid), int(st.Gid), linux.AT_SYMLINK_NOFOLLOW)
	case syscall.S_IFIFO:
		if err := syscall.Mknodat(to, name, st.Mode, 0); err != nil {
			return err
		}
	default:
		return nil
	}
	return linux.Utimensat(to, name, [2]syscall.Timespec{st.Atim, st.Mtim}, linux.AT_SYMLINK_NOFOLLOW)
}

func withBoth(from, to int, name string, inFlags, outFlags int, f func(in, out int) error) error {
	in, err := syscall.Openat(from, name, inFlags|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(in)
	out, err := syscall.Openat(to, name, outFlags|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer syscall.Close(out)
	return f(in, out)
}

func copyData(in, out int, size int64) error {
	for size > 0 {
		n, err := linux.Retry(func() (int, error) { return syscall.Sendfile(out, in, nil, int(min(size, 1<<30))) })
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
