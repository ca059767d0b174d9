package output

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A thousand processes print and exit at once while all CPUs are busy; not one
// line is lost, the last one without its newline included.
func TestPrintAndExit(t *testing.T) {
	const rounds, width = 1000, 4
	var stop atomic.Bool
	var busy sync.WaitGroup
	for range runtime.NumCPU() + 1 {
		busy.Go(func() {
			for !stop.Load() {
			}
		})
	}
	defer busy.Wait()
	defer stop.Store(true)

	c := newCollector(t)
	m := New(Options{Stdout: c.w, Stderr: c.w, Names: make([]string, width)})
	var workers sync.WaitGroup
	for child := range width {
		workers.Go(func() {
			for range rounds / width {
				if err := say(m, child); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	got := c.text()
	if first, last := strings.Count(got, " | first\n"), strings.Count(got, " | last\n"); first != rounds || last != rounds {
		t.Errorf("%d first and %d last lines of %d", first, last, rounds)
	}
	if want := rounds * len(" | first\n | last\n"); len(got) != want {
		t.Errorf("%d bytes, want %d", len(got), want)
	}
}

// say runs a process that prints two lines, and waits for it and its output.
func say(m *Mux, child int) error {
	stdout, stderr, err := m.Pipes(child)
	if err != nil {
		return err
	}
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", `printf 'first\nlast'`},
		&os.ProcAttr{Files: []*os.File{nil, stdout, stderr}})
	closeAll([]*os.File{stdout, stderr})
	if err != nil {
		return err
	}
	if _, err := p.Wait(); err != nil {
		return err
	}
	<-m.Drained(child)
	if tail := fmt.Sprint(m.Tail(child, 5)); tail != "[first last]" {
		return fmt.Errorf("tail: %s", tail)
	}
	return nil
}

// A hundred idle pipes that have been used cost no threads and little memory,
// and nothing is left when they end.
func TestIdleCost(t *testing.T) {
	c := newCollector(t)
	names := make([]string, 50)
	for i := range names {
		names[i] = fmt.Sprint("child", i)
	}
	threads := func() int {
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	heap := func() int {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return int(s.HeapInuse + s.StackInuse)
	}
	goroutines, threadsBefore, heapBefore := runtime.NumGoroutine(), threads(), heap()
	m := New(Options{Stdout: c.w, Stderr: c.w, Names: names})
	var ends []*os.File
	for i := range names {
		stdout, stderr, err := m.Pipes(i)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, stdout, stderr)
		fmt.Fprintln(stdout, strings.Repeat("x", 5000))
		fmt.Fprint(stderr, "part")
	}
	until(t, "all is read", func() bool { return m.Progress() == 50*uint64(len("child10 | \n")+5000) })
	perPipe := (heap() - heapBefore) / len(ends)
	t.Logf("%d bytes per pipe, %d more threads", perPipe, threads()-threadsBefore)
	if perPipe > 16<<10 {
		t.Errorf("%d bytes per idle pipe", perPipe)
	}
	if more := threads() - threadsBefore; more > 20 {
		t.Errorf("%d threads for %d idle pipes", more, len(ends))
	}
	closeAll(ends)
	for i := range names {
		closed(t, names[i], m.Drained(i))
	}
	until(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
}
