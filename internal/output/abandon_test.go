package output

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Abandon ends the wait for a pipe that somebody else holds open, also while
// our stdout is blocked by another child.
func TestAbandon(t *testing.T) {
	r, w := fullPipe(t)
	c := newCollector(t)
	m, stdout, stderr := start(t, Options{Stdout: c.w, Stderr: w})
	fmt.Fprint(stdout[0], "whole\npart")
	until(t, "it is read", func() bool { return len(m.Tail(0, 2)) == 2 })
	m.Abandon(0)
	m.Abandon(0)
	closed(t, "abandoned", m.Drained(0))
	if _, err := stdout[0].Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the pipe still has a reader: %v", err)
	}
	if lost, err := m.Lost(); lost != 0 || err != nil {
		t.Errorf("Lost: %d, %v", lost, err)
	}

	again, againErr, err := m.Pipes(0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]*os.File{again, againErr})
	fmt.Fprintln(stderr[1], "blocks")
	until(t, "somebody waits to write to stderr", func() bool { return m.Tail(1, 1) != nil })
	fmt.Fprint(againErr, "unread")
	m.Abandon(0)
	closed(t, "abandoned while stderr is blocked", m.Drained(0))
	if lost, err := m.Lost(); lost != 6 || err == nil {
		t.Errorf("Lost: %d, %v", lost, err)
	}
	if got := c.text(); got != "a | whole\na | part\n" {
		t.Errorf("got %q", got)
	}
	_ = r.Close()
	drain(t, m, stdout, stderr)
}

// fullPipe is a pipe that takes nothing more.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]*os.File{r, w}) })
	fill := make([]byte, 4096)
	for err == nil { // os.Pipe made it non-blocking
		_, err = unix.Write(int(fdOf(t, w)), fill)
	}
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
	return r, w
}

// fdOf is the descriptor of f, whose blocking mode os.File.Fd would change.
func fdOf(t *testing.T, f *os.File) (n uintptr) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) { n = fd })
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMessages(t *testing.T) {
	c := newCollector(t)
	m, stdout, stderr := start(t, Options{Stdout: os.Stdout, Stderr: c.w, Format: Raw})
	fmt.Fprint(stderr[0], "part")
	until(t, "it is written", func() bool { return m.Progress() == 4 })
	m.Message("one\ntwo\n")
	if !m.Flush(20 * time.Second) {
		t.Fatal("not flushed")
	}
	drain(t, m, stdout, stderr)
	if got, want := c.text(), "part\nlanyard: one\nlanyard: two\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if m.Progress() != 4 {
		t.Errorf("Progress %d counts messages", m.Progress())
	}
}

// Messages never wait for stderr; what does not fit is counted.
func TestMessagesWithoutReader(t *testing.T) {
	c := newCollector(t)
	m := New(Options{Stdout: os.Stdout, Stderr: c.w})
	m.sinks[1].take(nil) // as if a write were blocked
	for i := range maxMessages + 3 {
		m.Message(fmt.Sprintf("%05d", i))
	}
	if m.Flush(time.Millisecond) {
		t.Error("flushed while stderr is blocked")
	}
	m.sinks[1].release()
	if !m.Flush(20 * time.Second) {
		t.Fatal("not flushed")
	}
	lines := strings.Split(strings.TrimSuffix(c.text(), "\n"), "\n")
	last := lines[len(lines)-1]
	if len(lines) != maxMessages+1 || last != "lanyard: 3 messages were dropped, because nobody read stderr" {
		t.Errorf("%d lines, the last %q", len(lines), last)
	}
}
