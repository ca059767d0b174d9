package janitor

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// removeSocket removes a socket of ours. What else stands at its path is
// somebody else's: the folder was moved, or a new supervisor serves there.
func removeSocket(path string) error {
	slash := len(path) - 1
	for slash > 0 && path[slash] != '/' {
		slash--
	}
	dir, err := unix.Open(path[:slash+1], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	name := path[slash+1:]
	// The kernel closes the files of a process that was killed one after the
	// other: the lock and the pipe that woke us may be gone before the socket.
	for wait := time.Millisecond; ; wait *= 2 {
		var st unix.Stat_t
		err = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			return ignoreMissing(err)
		}
		if !served(dir, name) {
			return ignoreMissing(unix.Unlinkat(dir, name, 0))
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
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + name})
	return err != unix.ECONNREFUSED
}
