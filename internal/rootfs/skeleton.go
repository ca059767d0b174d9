package rootfs

import (
	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// makePoint makes a mount point (or a file of ours) in the skeleton, with the
// owner and mode of the root's own folders on the way. In a host root it
// only makes what is at the top: below, the folders are the machine's.
func (b *builder) makePoint(real string, isDir bool, content string) *linux.StepError {
	if b.spec.Kind == Host {
		return b.makeHostPoint(real, isDir)
	}
	dir := b.skel
	defer func() {
		if dir != b.skel {
			unix.Close(dir)
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
		err := unix.Mkdirat(dir, name, 0o755)
		if err != nil && err != unix.EEXIST {
			return linux.Fail("make mount point", real, err)
		}
		next, oerr := linux.OpenPlain(dir, name, unix.O_PATH|unix.O_DIRECTORY)
		if oerr != nil {
			return linux.Fail("make mount point", real, oerr)
		}
		if err == nil {
			b.copyOwner(real[:end], next)
		}
		if dir != b.skel {
			unix.Close(dir)
		}
		dir = next
		if last {
			return nil
		}
		at = end + 1
	}
}

func (b *builder) makeHostPoint(real string, isDir bool) *linux.StepError {
	fd, err := linux.OpenPlain(b.host, real[1:], unix.O_PATH)
	if err == nil { // it is there, or will be once the folders are bound
		unix.Close(fd)
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
	if err := unix.Mkdirat(b.skel, real[1:], 0o755); err != nil && err != unix.EEXIST {
		return linux.Fail("make mount point", real, err)
	}
	return nil
}

// copyOwner gives a folder of the skeleton the mode and owner of the root's
// folder that it will be merged with. An owner that has no id here stays ours.
func (b *builder) copyOwner(real string, fd int) {
	var st unix.Stat_t
	if err := b.statLower(real, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return
	}
	// An O_PATH descriptor takes no fchmod; its owner can be set by AT_EMPTY_PATH.
	_ = unix.Fchownat(fd, "", int(st.Uid), int(st.Gid), unix.AT_EMPTY_PATH)
	if dir, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err == nil {
		_ = unix.Fchmod(dir, st.Mode&0o7777)
		unix.Close(dir)
	}
}

func (b *builder) statLower(real string, st *unix.Stat_t) error {
	if real == "/" {
		return unix.Fstatat(b.lower, "", st, unix.AT_EMPTY_PATH)
	}
	fd, err := linux.OpenPlain(b.lower, real[1:], unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fstat(fd, st)
}

func makeFile(dir int, name, path, content string, mode uint32) *linux.StepError {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return linux.Fail("make file", path, err)
	}
	defer unix.Close(fd)
	if err := linux.WriteAll(fd, []byte(content)); err != nil {
		return linux.Fail("write", path, err)
	}
	return nil
}

// mkdirs makes path, relative and plain, below dir and gives an O_PATH
// descriptor of its parent and its last name.
func mkdirs(dir int, path string) (parent int, name string, err error) {
	parent, err = unix.Openat(dir, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
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
		if err = unix.Mkdirat(parent, name, 0o755); err != nil && err != unix.EEXIST {
			break
		}
		var next int
		next, err = linux.OpenPlain(parent, name, unix.O_PATH|unix.O_DIRECTORY)
		unix.Close(parent)
		parent = next
	}
	unix.Close(parent)
	return -1, "", err
}
