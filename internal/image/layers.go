package image

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symlinks a name may lead through, as many as the kernel
// follows (path_resolution(7)).
const maxLinks = 40

// openLayered opens a file as an overlay of the layers would show it, without
// mounting one: a start needs a file or two of a root, and an ordinary user could
// not mount it here.
func openLayered(layers []string, path string) (int, error) {
	m := &merged{levels: [][]int{nil}}
	defer m.up(0)
	for _, layer := range layers {
		fd, err := unix.Open(layer, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		m.levels[0] = append(m.levels[0], fd)
	}
	rest, links := names(path), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case ".":
			continue
		case "..":
			m.up(max(1, len(m.levels)-1))
			continue
		}
		target, fd, err := m.enter(name, len(rest) == 0)
		switch {
		case err != nil:
			return -1, err
		case fd >= 0:
			return fd, nil
		case target == "":
			continue
		}
		if links++; links > maxLinks {
			return -1, unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			m.up(1)
		}
		rest = append(names(target), rest...)
	}
	return -1, unix.EISDIR
}

// names splits a path into its components. What ends with a slash has to be a
// folder, as if a dot followed.
func names(path string) []string {
	var out []string
	for _, name := range strings.Split(path, "/") {
		if name != "" {
			out = append(out, name)
		}
	}
	if strings.HasSuffix(path, "/") {
		out = append(out, ".")
	}
	return out
}

// merged is a place in layers that lie over each other: for each folder on the
// way there, the folders that overlayfs would merge, the uppermost first.
type merged struct{ levels [][]int }

// up goes back until n folders are left.
func (m *merged) up(n int) {
	for len(m.levels) > n {
		last := len(m.levels) - 1
		closeAll(m.levels[last])
		m.levels = m.levels[:last]
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// enter looks name up in the folder that it is at. It goes into a folder, gives
// a link's target, or, where it is the last of a path, opens a file.
func (m *merged) enter(name string, last bool) (target string, file int, err error) {
	var folders []int
	for _, dir := range m.levels[len(m.levels)-1] {
		var st unix.Stat_t
		if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err == unix.ENOENT {
			continue
		} else if err != nil { // what it hides can't be known
			closeAll(folders)
			return "", -1, err
		}
		if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR {
			if len(folders) > 0 {
				break // something else below a folder is hidden by it
			}
			return open(dir, name, &st, last)
		}
		fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			closeAll(folders)
			return "", -1, err
		}
		folders = append(folders, fd)
		if opaque(fd) {
			break
		}
	}
	if len(folders) == 0 {
		return "", -1, unix.ENOENT
	}
	m.levels = append(m.levels, folders)
	return "", -1, nil
}

// open gives what a name that is no folder is: nothing for a whiteout.
func open(dir int, name string, st *unix.Stat_t, last bool) (target string, file int, err error) {
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFCHR && st.Rdev == 0:
		return "", -1, unix.ENOENT
	case kind == unix.S_IFLNK:
		var buf [unix.PathMax]byte
		n, err := unix.Readlinkat(dir, name, buf[:])
		if err == nil && n == 0 {
			err = unix.ENOENT
		}
		return string(buf[:max(n, 0)]), -1, err
	case !last:
		return "", -1, unix.ENOTDIR
	}
	file, err = unix.Openat(dir, name, readOnly|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return "", file, err
}

// opaque says whether a folder hides those below it (Documentation/filesystems/
// overlayfs.rst, whiteouts and opaque directories).
func opaque(fd int) bool {
	var buf [1]byte
	path := "/proc/self/fd/" + strconv.Itoa(fd)
	for _, name := range []string{"trusted.overlay.opaque", "user.overlay.opaque"} {
		if n, err := unix.Getxattr(path, name, buf[:]); err == nil && n == 1 && buf[0] == 'y' {
			return true
		}
	}
	return false
}
