package janitor

import (
	"strconv"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// removeSocket removes a socket of ours. What else stands at its path is
// somebody else's: the folder was moved, or a new supervisor serves there.
func removeSocket(path string) error {
	slash := len(path) - 1
	for slash > 0 && path[slash] != '/' {
		slash--
	}
	dir, err := syscall.Open(path[:slash+1], linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT || err == syscall.ENOTDIR {
		return nil
	}
	if err != nil {
		return err
	}
	defer syscall.Close(dir)
	name := path[slash+1:]
	// The kernel closes the files of a process that was killed one after the
	// other: the lock and the pipe that woke us may be gone before the socket.
	for wait := time.Millisecond; ; wait *= 2 {
		var st syscall.Stat_t
		err = linux.Fstatat(dir, name, &st, linux.AT_SYMLINK_NOFOLLOW)
		if err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFSOCK {
			return ignoreMissing(err)
		}
		if !served(dir, name) {
			return ignoreMissing(linux.Unlinkat(dir, name, 0))
		}
		if wait > longestClose {
			return nil
		}
		time.Sleep(wait)
	}
}

// longestClose is the last of the waits for a socket to be closed, each twice as
// long as the one before it; together they are half a second.
const longestClose = 256 * time.Millisecond

// served says whether somebody may listen on a socket: connecting to a dead one
// is refused, and nothing else says that it is dead. The path in an address ends
// after 107 bytes (unix(7)), so it goes by the folder's descriptor.
func served(dir int, name string) bool {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer syscall.Close(fd)
	err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + name})
	return err != syscall.ECONNREFUSED
}
