package testkit

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Manager is the end of a service manager's that sd_notify(3) speaks to.
type Manager struct {
	t    testing.TB
	conn *net.UnixConn
	path string
}

// NewManager makes one that is there until the test's end.
func NewManager(t testing.TB) *Manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // a socket's path ends after 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{t: t, path: filepath.Join(dir, "notify")}
	m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.conn.Close()
		os.RemoveAll(dir)
	})
	return m
}

// Env are the variables of a service that is to tell this manager how it goes,
// and every usec microseconds that it does not hang; "" for no such thing.
func (m *Manager) Env(usec string) []string {
	env := []string{"NOTIFY_SOCKET=" + m.path}
	if usec != "" {
		env = append(env, "WATCHDOG_USEC="+usec)
	}
	return env
}

// Fill sends messages to it until no more go in, because nobody reads them. A
// sender's buffer may hold less than the queue, net.unix.max_dgram_qlen, which
// systemd makes longer; so there are as many senders as that takes.
func (m *Manager) Fill() {
	m.t.Helper()
	for sent := 1; sent > 0; {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			m.t.Fatal(err)
		}
		sent = -1
		for ; err == nil; sent++ {
			err = syscall.Sendto(fd, []byte("STATUS=full"), 0, &syscall.SockaddrUnix{Name: m.path})
		}
		syscall.Close(fd)
		if !errors.Is(err, syscall.EAGAIN) {
			m.t.Fatal(err)
		}
	}
}

// Next gives the next message, "" if none comes within d.
func (m *Manager) Next(d time.Duration) string {
	m.t.Helper()
	buffer := make([]byte, 4096)
	if err := m.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		m.t.Fatal(err)
	}
	n, err := m.conn.Read(buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return string(buffer[:n])
}

// Until gives all messages up to the one that is wanted.
func (m *Manager) Until(want string) []string {
	m.t.Helper()
	var seen []string
	for {
		text := m.Next(Slow(limit))
		if text == "" {
			m.t.Fatalf("%q has not been told within %v, only %q", want, Slow(limit), seen)
		}
		if seen = append(seen, text); text == want {
			return seen
		}
	}
}

// Rest gives all messages that have come. It does not wait, because a deadline
// may be over on a slow machine before anything was read.
func (m *Manager) Rest() []string {
	m.t.Helper()
	raw, err := m.conn.SyscallConn()
	if err == nil {
		err = m.conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	var seen []string
	for buffer := make([]byte, 4096); ; {
		n, got := 0, error(nil)
		err := raw.Read(func(fd uintptr) bool {
			n, _, got = syscall.Recvfrom(int(fd), buffer, syscall.MSG_DONTWAIT)
			return true
		})
		switch {
		case errors.Is(got, syscall.EAGAIN):
			return seen
		case errors.Is(got, syscall.EINTR):
		case err != nil || got != nil:
			m.t.Fatal(errors.Join(err, got))
		default:
			seen = append(seen, string(buffer[:n]))
		}
	}
}
