package janitor

import (
	"strconv"

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
	var st unix.Stat_t
	err = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK || served(dir, name) {
		return ignoreMissing(err)
	}
	return ignoreMissing(unix.Unlinkat(dir, name, 0))
}

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
