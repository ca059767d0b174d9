package linux

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Trim gives back what this process has mapped of its program's file and does
// not need to wait: code and tables that its start ran through. They stay in
// the page cache, and come back one by one when they are touched. It is for a
// long-lived process, once, when its start is over.
func Trim() error {
	fd, err := unix.Open("/proc/self/maps", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Fail("open", "/proc/self/maps", err)
	}
	defer unix.Close(fd)
	data, err := ReadAll(fd, 1<<20)
	if err != nil {
		return Fail("read", "/proc/self/maps", err)
	}
	text := string(data)
	for len(text) > 0 {
		line := text
		for i := range len(text) {
			if text[i] == '\n' {
				line = text[:i]
				break
			}
		}
		text = text[min(len(line)+1, len(text)):]
		if from, to, ok := readOnlyFile(line); ok {
			if err := madvise(from, to-from); err != nil {
				return Fail("madvise", line, err)
			}
		}
	}
	return nil
}

// readOnlyFile reads a line of maps (proc_pid_maps(5)): the range of a private
// mapping of a file that can't be written to.
func readOnlyFile(line string) (from, to uintptr, ok bool) {
	var fields [6]string
	n, start := 0, -1
	for i := 0; i <= len(line) && n < len(fields); i++ {
		space := i == len(line) || line[i] == ' '
		switch {
		case !space && start < 0:
			start = i
		case space && start >= 0:
			fields[n], start = line[start:i], -1
			n++
		}
	}
	if n < len(fields) || fields[1][1] != '-' || fields[1][3] != 'p' || fields[5][0] != '/' {
		return 0, 0, false
	}
	for i := range len(fields[0]) {
		if fields[0][i] == '-' {
			a, err := strconv.ParseUint(fields[0][:i], 16, 64)
			b, err2 := strconv.ParseUint(fields[0][i+1:], 16, 64)
			return uintptr(a), uintptr(b), err == nil && err2 == nil && a < b && b < 1<<63
		}
	}
	return 0, 0, false
}

func madvise(from, length uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, from, length, unix.MADV_DONTNEED)
	if errno != 0 {
		return errno
	}
	return nil
}
