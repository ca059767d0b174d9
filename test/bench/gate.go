package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// gate is a FIFO in the project, open at both ends, so that no container ever
// waits for the other side or sees its end.
type gate struct{ file *os.File }

func newGate(path string) (*gate, error) {
	if err := unix.Mkfifo(path, 0o666); err != nil {
		return nil, fmt.Errorf("cannot make the FIFO %s: %v", path, err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // whatever the umask: containers of other users write to it
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &gate{file}, nil
}

// patient lets the reads from now on take as long as patience.
func (g *gate) patient() error {
	return g.file.SetReadDeadline(time.Now().Add(patience))
}

// hurry is for when nobody is left to write: reads get what is there or fail
// soon.
func (g *gate) hurry() error {
	return g.file.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
}

// await reads n bytes, within patience.
func (g *gate) await(n int) error {
	return g.read(make([]byte, n))
}

// times reads n records of the probe's operation c, in nanoseconds of
// CLOCK_MONOTONIC.
func (g *gate) times(n int) ([]int64, error) {
	buf := make([]byte, 16*n)
	if err := g.read(buf); err != nil {
		return nil, err
	}
	out := make([]int64, n)
	for i := range out {
		seconds := binary.NativeEndian.Uint64(buf[16*i:])
		nanos := binary.NativeEndian.Uint64(buf[16*i+8:])
		out[i] = int64(seconds)*int64(time.Second) + int64(nanos)
	}
	return out, nil
}

func (g *gate) read(buf []byte) error {
	n, err := io.ReadFull(g.file, buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%d of %d bytes came from the containers in time", n, len(buf))
	}
	return err
}

// open lets one container that waits at the gate go on.
func (g *gate) open() error {
	_, err := g.file.Write([]byte{'x'})
	return err
}

// drain throws away what a failed measurement left.
func (g *gate) drain() error {
	if err := g.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	raw, err := g.file.SyscallConn()
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	return raw.Read(func(fd uintptr) bool {
		for {
			if n, err := unix.Read(int(fd), buf); n <= 0 || err != nil {
				return true
			}
		}
	})
}
