package output

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stream is one pipe of one process: the goroutine that reads it and what this
// goroutine needs.
type stream struct {
	mux    *Mux
	proc   *process
	index  int // 0 for stdout, 1 for stderr
	child  string
	file   *os.File // the read end
	conn   syscall.RawConn
	sink   *sink
	layout layout
	split  splitter

	lead    []byte // what stands before the lines of the current chunk
	ended   bool
	warning string // to be told when the turn has been given back
}

// run reads until the end of the pipe, or until the process is abandoned.
func (s *stream) run() {
	step, emit := s.step, s.emit
	ready := func(fd uintptr) bool { return step(int(fd), emit) }
	for !s.ended {
		if err := s.conn.Read(ready); err != nil {
			s.abandon() // the deadline set by Abandon
		}
		s.warn()
	}
	if len(s.split.carry) > 0 {
		s.sink.take(nil)
		s.begin()
		s.split.finish(emit)
		s.flush()
		s.sink.release()
		s.warn()
	}
	_ = s.file.Close() // nothing is written to it, so there is nothing to lose
	if s.proc.open.Add(-1) == 0 {
		close(s.proc.drained)
	}
}

// step handles one chunk. It returns false when there is nothing to read yet:
// the poller then waits and calls it again. It asks before it takes the turn,
// so that a pipe without data never waits for a slow reader of ours.
func (s *stream) step(fd int, emit func([]byte)) bool {
	events := readable(fd)
	if events == 0 {
		s.split.shrink()
		return false
	}
	if events&unix.POLLIN == 0 { // the end of the pipe, or an error
		s.ended = true
		return true
	}
	if !s.sink.take(s.proc.abandoned) {
		s.abandon()
		return true
	}
	defer s.sink.release()
	dev := s.sink.dev
	if dev.in == nil {
		dev.in = make([]byte, wideReadSize)
	}
	n, err := unix.Read(fd, dev.in[:s.sink.atOnce()])
	switch {
	case err == unix.EAGAIN:
		return false
	case err == unix.EINTR:
		return true
	case err != nil || n == 0:
		s.ended = true
		return true
	}
	s.chunk(dev.in[:n], emit)
	return true
}

// readable says which events a pipe has, and 0 if there are none yet.
func readable(fd int) int16 {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds[:], 0); err != nil {
		return unix.POLLIN // let the read find out
	}
	return fds[0].Revents
}

// chunk hands on what was read.
func (s *stream) chunk(b []byte, emit func([]byte)) {
	s.proc.tail.add(s.index, b)
	switch {
	case s.sink.gone.Load():
		s.sink.lost.Add(uint64(len(b) + len(s.split.carry)))
		s.split.carry = nil
	case !s.layout.lines:
		s.note(s.sink.send(b, false))
	default:
		s.begin()
		s.split.feed(b, emit)
		s.flush()
	}
}

// begin prepares what stands before the lines that follow.
func (s *stream) begin() {
	var now time.Time
	if s.layout.stamped {
		now = s.mux.now()
	}
	s.lead = s.layout.lead(s.lead[:0], now)
}

// emit collects a finished line.
func (s *stream) emit(line []byte) {
	dev := s.sink.dev
	dev.out = s.layout.line(dev.out, s.lead, line)
	if len(dev.out) >= flushSize {
		s.flush()
	}
}

// flush writes the collected lines.
func (s *stream) flush() {
	dev := s.sink.dev
	if len(dev.out) > 0 {
		s.note(s.sink.send(dev.out, true))
		dev.out = dev.out[:0]
	}
}

// abandon ends the reading and counts what is left in the pipe.
func (s *stream) abandon() {
	s.ended = true
	left := 0
	// TIOCINQ is FIONREAD, which pipe(7) documents.
	err := s.conn.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err == nil && left > 0 {
		s.mux.giveUp(uint64(left), fmt.Errorf("the %s pipe of %s was given up with %d bytes unread", s.sink.name, s.child, left))
	}
}

// note keeps a warning until the turn has been given back.
func (s *stream) note(warning string) {
	if warning != "" {
		s.warning = warning
	}
}

// warn tells the warning that was kept.
func (s *stream) warn() {
	if s.warning != "" {
		s.mux.notify(s.warning)
		s.warning = ""
	}
}
