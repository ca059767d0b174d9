package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// makePoint makes a mount point (or a file of ours) in the skeleton, with the
// owner and mode of the root's own folders on the way. In a host root it
// only makes what is at the top: below, the folders are the machine's. In an
// InPlace one it makes what is missing.
func (b *builder) makePoint(real string, isDir bool, content string) *linux.StepError {
	switch {
	case b.spec.Kind == Host:
		return b.makeHostPoint(real, isDir)
	case b.spec.InPlace:
		return makeIn(b.skel, real[1:], real, isDir)
	}
	dir := b.skel
	defer func() {
		if dir != b.skel {
			syscall.Close(dir)
		}
	}()
	for at := 1; ; {
		end := at
		for end < len(real) && real[end] != '/' {
			end++
		}
		name, last := real[at:end], end == len(real)
		if last && !isDir {
			return makeFile(dir, name, real, content, 0o644)
		}
		err := syscall.Mkdirat(dir, name, 0o755)
		if err != nil && err != syscall.EEXIST {
			return linux.Fail("make mount point", real, err)
		}
		next, oerr := linux.OpenPlain(dir, name, linux.O_PATH|syscall.O_DIRECTORY)
		if oerr != nil {
			return linux.Fail("make mount point", real, oerr)
		}
		if err == nil {
			b.copyOwner(real[:end], next)
		}
		if dir != b.skel {
			syscall.Close(dir)
		}
		dir = next
		if last {
			return nil
		}
		at = end + 1
	}
}

func (b *builder) makeHostPoint(real string, isDir bool) *linux.StepError {
	fd, err := linux.OpenPlain(b.host, real[1:], linux.O_PATH)
	if err == nil { // it is there, or will be once the folders are bound
		syscall.Close(fd)
	}
	for _, c := range real[1:] {
		if c == '/' {
			if err != nil {
				return &linux.StepError{Step: "make mount point", Path: real, Errno: asErrno(err),
					Detail: "a host: true container is this machine's own system, read-only; choose a mount point that exists, one at the top level, or one below /tmp or /run"}
			}
			return nil
		}
	}
	if !isDir {
		return makeFile(b.skel, real[1:], real, "", 0o644)
	}
	if err := syscall.Mkdirat(b.skel, real[1:], 0o755); err != nil && err != syscall.EEXIST {
		return linux.Fail("make mount point", real, err)
	}
	return nil
}

// copyOwner gives a folder of the skeleton the mode and owner of the root's
// folder that it will be merged with. An owner that has no id here stays ours.
func (b *builder) copyOwner(real string, fd int) {
	var st syscall.Stat_t
	if err := b.statLower(real, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		return
	}
	// An O_PATH descriptor takes no fchmod; its owner can be set by AT_EMPTY_PATH.
	_ = syscall.Fchownat(fd, "", int(st.Uid), int(st.Gid), linux.AT_EMPTY_PATH)
	if dir, err := syscall.Openat(fd, ".", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0); err == nil {
		_ = syscall.Fchmod(dir, st.Mode&0o7777)
		syscall.Close(dir)
	}
}

func (b *builder) statLower(real string, st *syscall.Stat_t) error {
	if real == "/" {
		return linux.Fstatat(b.lower, "", st, linux.AT_EMPTY_PATH)
	}
	fd, err := linux.OpenPlain(b.lower, real[1:], linux.O_PATH)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return syscall.Fstat(fd, st)
}

func makeFile(dir int, name, path, content string, mode uint32) *linux.StepError {
	fd, err := syscall.Openat(dir, name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, mode)
	if err != nil {
		return linux.Fail("make file", path, err)
	}
	defer syscall.Close(fd)
	if err := linux.WriteAll(fd, []byte(content)); err != nil {
		return linux.Fail("write", path, err)
	}
	return nil
}

// mkdirs makes path, relative and plain, below dir and gives an O_PATH
// descriptor of its parent and its last name.
func mkdirs(dir int, path string) (parent int, name string, err error) {
	parent, err = syscall.Openat(dir, ".", linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	for err == nil {
		slash := 0
		for slash < len(path) && path[slash] != '/' {
			slash++
		}
		name = path[:slash]
		if slash == len(path) {
			return parent, name, nil
		}
		path = path[slash+1:]
		if err = syscall.Mkdirat(parent, name, 0o755); err != nil && err != syscall.EEXIST {
			break
		}
		var next int
		next, err = linux.OpenPlain(parent, name, linux.O_PATH|syscall.O_DIRECTORY)
		syscall.Close(parent)
		parent = next
	}
	syscall.Close(parent)
	return -1, "", err
}
