package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// start makes a Mux for the children a and b and the pipes of both.
func start(t *testing.T, o Options) (m *Mux, stdout, stderr [2]*os.File) {
	t.Helper()
	o.Names = []string{"a", "b"}
	m = New(o)
	for i := range stdout {
		var err error
		if stdout[i], stderr[i], err = m.Pipes(i); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeAll([]*os.File{stdout[i], stderr[i]}) })
	}
	return m, stdout, stderr
}

func drain(t *testing.T, m *Mux, ends ...[2]*os.File) {
	t.Helper()
	for _, e := range ends {
		closeAll(e[:])
	}
	closed(t, "a", m.Drained(0))
	closed(t, "b", m.Drained(1))
}

// warnings collects what Notify gets.
type warnings struct {
	mu  sync.Mutex
	all []string
}

func (w *warnings) add(msg string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, msg)
}

func (w *warnings) only(t *testing.T, part string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.all) != 1 || !strings.Contains(w.all[0], part) {
		t.Errorf("warnings: %q, want one with %q", w.all, part)
	}
}

// writeLines writes n lines in pieces that end anywhere.
func writeLines(w *os.File, name string, n int) {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%s %d %s\n", name, i, strings.Repeat(name, i%150))
		for b.Len() > 3001 {
			_, _ = w.Write(b.Next(3001))
		}
	}
	_, _ = w.Write(b.Bytes())
	_ = w.Close()
}

// checkLines checks that each line is whole, complete and in the order of its writer.
func checkLines(t *testing.T, text string, names string, n int) {
	t.Helper()
	next := map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		_, rest, ok := strings.Cut(line, " | ")
		name, _, _ := strings.Cut(rest, " ")
		i := next[name]
		if !ok || rest != fmt.Sprintf("%s %d %s", name, i, strings.Repeat(name, i%150)) {
			t.Fatalf("line %d of %q is %q", i, name, line)
		}
		next[name]++
	}
	for _, name := range strings.Split(names, "") {
		if next[name] != n {
			t.Errorf("%d lines of %s, want %d", next[name], name, n)
		}
	}
}

// Two children and both streams of each, stdout and stderr being one file.
func TestLinesDoNotMix(t *testing.T) {
	const n = 100_000
	c := newCollector(t)
	m, stdout, stderr := start(t, Options{Stdout: c.w, Stderr: c.w})
	go writeLines(stdout[0], "a", n)
	go writeLines(stderr[0], "c", n)
	go writeLines(stdout[1], "b", n)
	go writeLines(stderr[1], "d", n)
	closed(t, "a", m.Drained(0))
	closed(t, "b", m.Drained(1))
	checkLines(t, c.text(), "abcd", n)
}

// The same file opened twice is found to be one.
func TestSameFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	var files [2]*os.File
	for i := range files {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	m, stdout, stderr := start(t, Options{Stdout: files[0], Stderr: files[1]})
	go writeLines(stdout[0], "a", 5000)
	go writeLines(stderr[0], "b", 5000)
	closed(t, "a", m.Drained(0))
	drain(t, m, stdout, stderr)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, string(text), "ab", 5000)
}

// A reader that does not read holds up what is written to it and nothing else.
func TestSlowReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := newCollector(t)
	m, stdout, stderr := start(t, Options{Stdout: w, Stderr: c.w})
	go writeLines(stdout[0], "a", 20_000)
	until(t, "the writer has the turn", func() bool { return len(m.sinks[0].dev.turn) == 1 && m.Tail(0, 1) != nil })

	fmt.Fprintln(stderr[1], "on")
	closeAll([]*os.File{stdout[1], stderr[1]})
	closed(t, "the other child, which wrote to stderr", m.Drained(1))
	select {
	case <-m.Drained(0):
		t.Error("drained although nobody has read")
	default:
	}
	_ = stderr[0].Close()
	var got bytes.Buffer
	go func() {
		<-m.Drained(0)
		_ = w.Close()
	}()
	if _, err := got.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	checkLines(t, got.String(), "a", 20_000)
	if got := c.text(); got != "b | on\n" {
		t.Errorf("stderr: %q", got)
	}
}

func TestReaderGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_ = r.Close()
	c := newCollector(t)
	var warned warnings
	m, stdout, stderr := start(t, Options{Stdout: w, Stderr: c.w, Notify: warned.add})
	writeLines(stdout[0], "a", 10_000) // returns: nothing holds up the child
	writeLines(stdout[1], "b", 10_000)
	writeLines(stderr[1], "b", 10)
	drain(t, m, stdout, stderr)
	warned.only(t, "stdout: broken pipe")
	if lost, err := m.Lost(); lost < 1_000_000 || !errors.Is(err, unix.EPIPE) {
		t.Errorf("Lost: %d, %v", lost, err)
	}
	if tail := m.Tail(0, 1); len(tail) != 1 || !strings.HasPrefix(tail[0], "a 9999 ") {
		t.Errorf("Tail: %q", tail)
	}
	checkLines(t, c.text(), "b", 10)
}

func TestDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var warned warnings
	m, stdout, stderr := start(t, Options{Stdout: full, Stderr: os.Stderr, Notify: warned.add})
	writeLines(stdout[0], "a", 10_000)
	writeLines(stdout[1], "b", 10_000)
	drain(t, m, stdout, stderr)
	warned.only(t, "stdout: no space left on device")
	if lost, err := m.Lost(); lost < 1_000_000 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Lost: %d, %v", lost, err)
	}
	if m.sinks[0].gone.Load() {
		t.Error("a full disk must be tried again")
	}
}

// After half a line the next one begins on a line of its own.
func TestFreshLineAfterFailure(t *testing.T) {
	c := newCollector(t)
	s := newSinks(c.w, os.Stderr)[0]
	if !s.take(nil) {
		t.Fatal("no turn")
	}
	if _, err := s.write([]byte("a | half"), nil); err != nil {
		t.Fatal(err)
	}
	s.send([]byte("b | whole\n"), true)
	s.release()
	if got := c.text(); got != "a | half\nb | whole\n" {
		t.Errorf("got %q", got)
	}
}

// A stdout that somebody else made non-blocking stays so, and a blocking one
// stays blocking.
func TestBlockingModeIsKept(t *testing.T) {
	for _, nonblock := range []bool{true, false} {
		t.Run(fmt.Sprint(nonblock), func(t *testing.T) {
			r, w, err := pipe("stdout")
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.SetNonblock(int(w.Fd()), nonblock); err != nil {
				t.Fatal(err)
			}
			m, stdout, stderr := start(t, Options{Stdout: w, Stderr: os.Stderr})
			go writeLines(stdout[0], "a", 20_000)
			until(t, "our stdout is full", func() bool { return m.Tail(0, 1) != nil })
			go func() {
				closeAll([]*os.File{stdout[1], stderr[0], stderr[1]})
				<-m.Drained(0)
				flags, err := unix.FcntlInt(w.Fd(), unix.F_GETFL, 0)
				if err != nil || (flags&unix.O_NONBLOCK != 0) != nonblock {
					t.Errorf("flags are %#x, %v", flags, err)
				}
				_ = w.Close()
			}()
			var got bytes.Buffer
			if _, err := got.ReadFrom(r); err != nil {
				t.Fatal(err)
			}
			checkLines(t, got.String(), "a", 20_000)
		})
	}
}

// A pipe of ours grows when a child is busy, and only then; one that is larger
// already stays as it is.
func TestPipeGrows(t *testing.T) {
	size := func(f *os.File) int {
		n, err := unix.FcntlInt(f.Fd(), unix.F_GETPIPE_SZ, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, before := range []int{64 << 10, 512 << 10, pipeSize} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, before); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, r) }()
		s := newSinks(w, os.Stderr)[0]
		for _, c := range []struct{ write, want int }{{100, before}, {muchSize, before}, {muchSize + 1, pipeSize}} {
			if s.send(make([]byte, c.write), false); size(w) != c.want {
				t.Errorf("after a write of %d bytes the pipe has %d, want %d", c.write, size(w), c.want)
			}
		}
	}
}
