package systemd

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a manager is waited for that does not read: all in all,
// until it reads again.
const patience = time.Second

// sender tells a manager things from one goroutine, and waits for it no longer
// than patience however much there is to tell.
type sender struct {
	manager Manager
	say     func(string) // is told of the first failure
	failed  bool         // say was called
	lost    bool         // the last message was waited for in vain
	last    atomic.Pointer[time.Time]
}

// hurry has everything sent within patience from now, what is under way as well.
func (s *sender) hurry() {
	last := time.Now().Add(patience)
	s.last.Store(&last)
}

// send tells one thing, or has it dropped.
func (s *sender) send(text string) {
	until := time.Now().Add(patience)
	if last := s.last.Load(); last != nil && last.Before(until) {
		until = *last
	}
	if s.lost {
		until = time.Time{}
	}
	err := s.manager.send(text, until)
	if s.lost = err != nil; !s.lost || s.failed {
		return
	}
	s.failed = true
	s.say(fmt.Sprintf("cannot tell the service manager how it goes: %v; it may give this service up (Type=notify, WatchdogSec=)", err))
}

// send tells the manager one thing. Where it does not read, that is tried once,
// and then again and again until that time.
func (m Manager) send(text string, until time.Time) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	full := false
	try := func(fd uintptr) (done bool) {
		_, err = unix.Write(int(fd), []byte(text))
		full = err == unix.EAGAIN
		return !full
	}
	if waited := raw.Control(func(fd uintptr) { try(fd) }); waited != nil || !full {
		return err
	}
	_ = conn.SetWriteDeadline(until) // fails on closed ones only
	if until.After(time.Now()) && raw.Write(try) == nil {
		return err
	}
	return fmt.Errorf("nobody reads %s", m.socket)
}
