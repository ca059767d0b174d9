package linux

import "syscall"

// OpenInRoot opens path with root as "/": symlinks, absolute ones too, and ".."
// stay inside, whatever the tree does meanwhile (openat2(2), RESOLVE_IN_ROOT,
// Linux 5.6). Magic links of /proc are refused.
func OpenInRoot(root int, path string, flags int) (int, error) {
	return openat2(root, path, flags, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS)
}

// OpenBeneath opens path below dir and fails with EXDEV where a symlink or ".."
// would lead out of dir (openat2(2), RESOLVE_BENEATH).
func OpenBeneath(dir int, path string, flags int) (int, error) {
	return openat2(dir, path, flags, RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS)
}

// OpenPlain opens path below dir and fails with ELOOP at any symlink.
func OpenPlain(dir int, path string, flags int) (int, error) {
	return openat2(dir, path, flags, RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS)
}

func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := OpenHow{Flags: uint64(flags) | syscall.O_CLOEXEC, Resolve: resolve}
	// EAGAIN: a rename raced with the walk; openat2(2) says to try again.
	for try := 0; ; try++ {
		fd, err := Openat2(dir, path, &how)
		if (err == syscall.EAGAIN && try < 64) || err == syscall.EINTR {
			continue
		}
		return fd, err
	}
}

// maxSymlinks is the kernel's own limit of a path walk (path_resolution(7)).
const maxSymlinks = 40

// Resolve walks path inside root as if root were "/" and returns the path
// without symlinks, "." and "..", absolute, as far as it exists; what does not
// exist is appended as written. stop is asked with each directory reached:
// where it says true, the rest is appended as written too.
//
// The answer is only a name: whoever mounts on it must make sure that its
// components are directories of his own, or open it with OpenPlain.
func Resolve(root int, path string, stop func(real string) bool) (string, error) {
	rest := split(path)
	var real []string
	links := 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			if len(real) > 0 {
				real = real[:len(real)-1]
			}
			continue
		}
		here := join(append(real[:len(real):len(real)], name))
		if stop(here) {
			inside, left := within(rest)
			if left == nil {
				return join(append(append(real, name), inside...)), nil
			}
			rest = left // ".." leads out of it again
			continue
		}
		target, err := readlinkPlain(root, here)
		switch err {
		case nil:
			if links++; links > maxSymlinks {
				return "", syscall.ELOOP
			}
			if target[0] == '/' {
				real = nil
			}
			rest = append(split(target), rest...)
		case syscall.EINVAL: // not a symlink
			real = append(real, name)
		case syscall.ENOENT, syscall.ENOTDIR:
			return join(plain(append(append(real, name), rest...))), nil
		default:
			return "", err
		}
	}
	return join(real), nil
}

// readlinkPlain reads the symlink at an absolute path inside root whose parents
// hold no symlink; EINVAL says that it is something else.
func readlinkPlain(root int, path string) (string, error) {
	fd, err := OpenPlain(root, path[1:], O_PATH|syscall.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd)
	target, err := Readlinkat(fd, "")
	if err == syscall.ENOENT { // readlinkat(2): an empty path on what is no symlink
		return "", syscall.EINVAL
	}
	if err == nil && target == "" {
		return "", syscall.ENOENT
	}
	return target, err
}

func split(path string) []string {
	var parts []string
	start := 0
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if part := path[start:i]; part != "" && part != "." {
			parts = append(parts, part)
		}
		start = i + 1
	}
	return parts
}

// within walks parts lexically and gives where they lead, or what is left to
// walk from the parent of where they began once ".." leads out.
func within(parts []string) (inside, left []string) {
	for i, p := range parts {
		switch {
		case p != "..":
			inside = append(inside, p)
		case len(inside) > 0:
			inside = inside[:len(inside)-1]
		default:
			return nil, append([]string{}, parts[i+1:]...)
		}
	}
	return inside, nil
}

// plain drops ".." lexically.
func plain(parts []string) []string {
	var out []string
	for _, p := range parts {
		if p != ".." {
			out = append(out, p)
		} else if len(out) > 0 {
			out = out[:len(out)-1]
		}
	}
	return out
}

func join(parts []string) string {
	if len(parts) == 0 {
		return "/"
	}
	s := ""
	for _, p := range parts {
		s += "/" + p
	}
	return s
}

// Retry calls f again as long as it gives EINTR.
func Retry(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// WriteAll writes all of data to fd.
func WriteAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := Retry(func() (int, error) { return syscall.Write(fd, data) })
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// ReadAll reads fd to its end, at most limit bytes; more is EFBIG.
func ReadAll(fd int, limit int) ([]byte, error) {
	var out []byte
	buf := make([]byte, 16*1024)
	for {
		n, err := Retry(func() (int, error) { return syscall.Read(fd, buf) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return out, nil
		}
		if len(out)+n > limit {
			return nil, syscall.EFBIG
		}
		out = append(out, buf[:n]...)
	}
}

// Names gives the names in a directory that is open for reading, without "."
// and "..", in no order.
func Names(fd int) ([]string, error) {
	var names []string
	buf := make([]byte, 8192)
	for {
		n, err := Retry(func() (int, error) { return syscall.ReadDirent(fd, buf) })
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = syscall.ParseDirent(buf[:n], -1, names)
	}
}
