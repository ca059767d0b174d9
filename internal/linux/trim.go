package linux

import (
	"strconv"
	"syscall"
)

// TrimAfter is when a process that has started may see to its memory, in
// milliseconds: what starts beside it needs the processor first.
const TrimAfter = 200

// Trim gives back what this process has mapped of its program's file and does
// not need to wait: code and tables that its start ran through. They stay in
// the page cache, and come back one by one when they are touched. It is for a
// long-lived process, once, when its start is over.
//
// A mapping that can't be written to may have been written all the same, before
// it was protected: where a dynamic linker or a position-independent program
// puts its addresses. What is only there, and in no file, must stay.
func Trim() error {
	fd, err := syscall.Open("/proc/self/smaps", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return Fail("open", "/proc/self/smaps", err)
	}
	defer syscall.Close(fd)
	data, err := ReadAll(fd, 1<<20)
	if err != nil {
		return Fail("read", "/proc/self/smaps", err)
	}
	var from, to uintptr
	var ok bool
	for text := string(data); len(text) > 0; {
		line := text
		for i := range len(text) {
			if text[i] == '\n' {
				line = text[:i]
				break
			}
		}
		text = text[min(len(line)+1, len(text)):]
		switch {
		case len(line) > 0 && (line[0] < 'A' || line[0] > 'Z'): // of a mapping; what is said of it follows
			from, to, ok = readOnlyFile(line)
		case ok && unwritten(line):
			if err := madvise(from, to-from); err != nil {
				return Fail("madvise", "code and tables", err)
			}
		}
	}
	return nil
}

// unwritten says whether a line of smaps (proc_pid_smaps(5)) tells that all of
// the mapping is as it is in the file.
func unwritten(line string) bool {
	const name, none = "Anonymous:", " 0 kB"
	return len(line) > len(name) && line[:len(name)] == name && line[len(line)-len(none):] == none
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
	_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, from, length, syscall.MADV_DONTNEED)
	if errno != 0 {
		return errno
	}
	return nil
}
