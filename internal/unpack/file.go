package unpack

import (
	"bytes"
	"io"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// file makes a regular file: four system calls for one of root's without bits or
// xattrs that need more.
func (a *applier) file(parent *folder, base string, size int64, m *meta, contents io.Reader) error {
	if a.MaxBytes > 0 && size > a.MaxBytes-a.result.Bytes {
		return &LimitError{What: "bytes", Limit: a.MaxBytes}
	}
	a.result.Bytes += size
	mode := m.mode & 0o777
	if m.xattrs != nil {
		mode = 0o600
	}
	var fd int
	err := a.retry(parent, base, func() (err error) {
		fd, err = unix.Openat(parent.fd, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	if err != nil {
		return entryError("make the file", a.name, err)
	}
	err = a.fill(fd, size, contents)
	if err == nil {
		// After the contents: writing clears setuid and security.capability.
		err = a.setFile(parent, fd, base, m, mode)
	}
	if e := unix.Close(fd); err == nil && e != nil {
		err = entryError("write", a.name, e)
	}
	return err
}

// fill writes the contents, holes as holes.
func (a *applier) fill(fd int, size int64, contents io.Reader) error {
	hole := false
	for at := int64(0); at < size; {
		if err := a.stream.ctx.Err(); err != nil { // a huge hole takes long, and nothing from the stream
			return err
		}
		buf := a.buf[:min(int64(len(a.buf)), size-at)]
		if _, err := io.ReadFull(contents, buf); err != nil {
			return a.readError(err)
		}
		for len(buf) > 0 {
			data := untilHole(buf)
			if err := writeAt(fd, buf[:data], at); err != nil {
				return entryError("write", a.name, err)
			}
			skip := untilData(buf[data:])
			at += int64(data + skip)
			hole = skip > 0
			buf = buf[data+skip:]
		}
	}
	if !hole {
		return nil
	}
	if err := unix.Ftruncate(fd, size); err != nil {
		return entryError("write", a.name, err)
	}
	return nil
}

// A hole is a run of zero blocks, each as large as a page: smaller ones save
// nothing on any filesystem.
const holeBlock = 4096

var zeros [holeBlock]byte

// untilHole gives the length of what has to be written before a hole.
func untilHole(buf []byte) int {
	n := 0
	for n+holeBlock <= len(buf) && !bytes.Equal(buf[n:n+holeBlock], zeros[:]) {
		n += holeBlock
	}
	if n+holeBlock > len(buf) {
		return len(buf)
	}
	return n
}

// untilData gives the length of the hole that buf begins with.
func untilData(buf []byte) int {
	n := 0
	for n+holeBlock <= len(buf) && bytes.Equal(buf[n:n+holeBlock], zeros[:]) {
		n += holeBlock
	}
	return n
}

func writeAt(fd int, data []byte, at int64) error {
	for len(data) > 0 {
		n, err := linux.Retry(func() (int, error) { return unix.Pwrite(fd, data, at) })
		if err != nil {
			return err
		}
		data, at = data[n:], at+int64(n)
	}
	return nil
}
