package output

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes in bytes.
const (
	readSize     = 56 << 10  // the most that is read at once: with its prefixes it still fits into a pipe of 64 KiB, so that one write takes it
	wideReadSize = 64 << 10  // the same, where a larger pipe is written to: all that a child's pipe holds
	flushSize    = 256 << 10 // finished lines are written when there are this many bytes
	keepSize     = 1 << 20   // a line buffer that grew beyond this is given back
	wholeSize    = 1 << 30   // more than a batch ever has: it is written at once
	slowPiece    = 4 << 10   // to a slow reader; a pipe that is writable takes this much
	muchSize     = 32 << 10  // who writes so much at once has a busy child
	pipeSize     = 1 << 20   // of a pipe that we write to, then: the most that users may have, pipe(7)
)

// slowWrite is how long a write may take before the next one is made smaller,
// so that a slow reader shows in Progress page by page.
const slowWrite = 100 * time.Millisecond

// device is what is behind a descriptor of ours. stdout and stderr share one if
// they are the same file.
type device struct {
	turn chan struct{} // holds one token while somebody has the turn

	// The fields below belong to whoever has the turn.
	midline bool // the last byte that was written did not end a line
	in      []byte
	out     []byte
}

func newDevice() *device { return &device{turn: make(chan struct{}, 1)} }

// sink writes to one descriptor. All methods but failure need the turn of dev.
type sink struct {
	name  string // stdout or stderr
	file  *os.File
	fd    int
	dev   *device
	piece int // the most that is written at once
	wide  bool

	gone  atomic.Bool // there is nobody to read it any more
	moved atomic.Uint64
	lost  atomic.Uint64

	mu    sync.Mutex
	seen  map[unix.Errno]bool // causes that have been told
	first error               // the first cause
}

// newSinks makes the two sinks. The descriptors are taken with Control, since
// os.File.Fd may change their blocking mode.
func newSinks(stdout, stderr *os.File) [2]*sink {
	sinks := [2]*sink{{name: "stdout", file: stdout}, {name: "stderr", file: stderr}}
	var stats [2]unix.Stat_t
	for i, s := range sinks {
		s.dev, s.piece, s.fd = newDevice(), wholeSize, -1
		s.seen = make(map[unix.Errno]bool)
		if conn, err := s.file.SyscallConn(); err == nil {
			// An error leaves fd at -1; the first write says so.
			_ = conn.Control(func(fd uintptr) { s.fd = int(fd) })
		}
		if unix.Fstat(s.fd, &stats[i]) != nil {
			stats[i].Ino = uint64(i) // a bad descriptor is no file of the other
		}
	}
	if stats[0].Dev == stats[1].Dev && stats[0].Ino == stats[1].Ino {
		sinks[1].dev = sinks[0].dev
	}
	return sinks
}

// take waits for the turn, and returns false if cancel is closed first. A nil
// cancel never is.
func (s *sink) take(cancel <-chan struct{}) bool {
	select {
	case s.dev.turn <- struct{}{}:
		return true
	case <-cancel:
		return false
	}
}

func (s *sink) release() {
	if cap(s.dev.out) > keepSize {
		s.dev.out = nil
	}
	<-s.dev.turn
}

// widen makes a pipe that we write to larger than the usual 64 KiB (F_SETPIPE_SZ,
// fcntl(2)): reader and writer then need not take turns. Where it can't be as large,
// because this user or this machine allows less, it is made as large as it can be.
func (s *sink) widen() {
	s.wide = true
	now, err := unix.FcntlInt(uintptr(s.fd), unix.F_GETPIPE_SZ, 0)
	for size := pipeSize; err == nil && size > now; size /= 2 {
		if _, err := unix.FcntlInt(uintptr(s.fd), unix.F_SETPIPE_SZ, size); err == nil {
			return
		}
	}
}

// atOnce is the most that is read from a child at once.
func (s *sink) atOnce() int {
	if s.wide {
		return wideReadSize
	}
	return readSize
}

// write writes all of b, waiting for as long as it takes. It returns how much
// it could not write, and why. Bytes that were accepted are added to moved at
// once, unless it is nil.
func (s *sink) write(b []byte, moved *atomic.Uint64) (int, error) {
	if len(b) > muchSize && !s.wide {
		s.widen()
	}
	for len(b) > 0 {
		begin := time.Now()
		n, err := unix.Write(s.fd, b[:min(len(b), s.piece)])
		if n > 0 {
			s.dev.midline = b[n-1] != '\n'
			b = b[n:]
			if moved != nil {
				moved.Add(uint64(n))
			}
		}
		switch {
		case err == unix.EAGAIN:
			// Somebody else made the descriptor non-blocking; it is shared
			// with other processes, so that is not ours to change.
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, -1)
		case err == unix.EINTR:
		case err != nil:
			return len(b), err
		case time.Since(begin) > slowWrite:
			s.piece = slowPiece
		case s.piece < wholeSize:
			s.piece *= 2
		}
	}
	return 0, nil
}

// send writes child output, begun on a line of its own if fresh says that it
// consists of lines. What can't be written is dropped and counted; the result
// is the text of a warning, or "".
func (s *sink) send(b []byte, fresh bool) string {
	if s.gone.Load() {
		s.lost.Add(uint64(len(b)))
		return ""
	}
	var err error
	if fresh && s.dev.midline {
		// A write that failed half-way left the beginning of a line.
		_, err = s.write([]byte{'\n'}, &s.moved)
	}
	rest := len(b)
	if err == nil {
		rest, err = s.write(b, &s.moved)
	}
	s.lost.Add(uint64(rest))
	return s.failed(err)
}

// failed notes why a write failed and returns the warning to show, or "" if
// there is none or it has been shown.
func (s *sink) failed(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	next := "output is dropped while this lasts"
	switch errno {
	case unix.EPIPE, unix.EBADF:
		s.gone.Store(true)
		next = "nobody reads it any more, so further output to it is dropped"
	case unix.ENOSPC, unix.EDQUOT:
		next = "output is dropped until there is room"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first = fmt.Errorf("cannot write to %s: %w", s.name, errno)
	}
	if s.seen[errno] {
		return ""
	}
	s.seen[errno] = true
	return fmt.Sprintf("cannot write to %s: %v: %s", s.name, errno, next)
}

// failure is the first cause of a loss, or nil.
func (s *sink) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}
