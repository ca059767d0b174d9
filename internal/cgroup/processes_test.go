package cgroup_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// shell is a stand-in for a container's init: it has a child that sleeps, and
// for each line it reads one that works, which it waits for.
type shell struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startShell(t *testing.T) *shell {
	t.Helper()
	rounds := int(50000 * time.Second / testkit.Slow(time.Second))
	s := &shell{t: t, cmd: exec.Command("sh", "-c", fmt.Sprintf(
		`sleep 1000 & echo; while read go; do (i=0; while [ $i -lt %d ]; do i=$((i+1)); done); echo; done; kill $!; wait`, rounds))}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.answer()
	return s
}

func (s *shell) answer() {
	s.t.Helper()
	if _, err := s.out.ReadString('\n'); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shell) work() {
	s.t.Helper()
	fmt.Fprintln(s.in)
	s.answer()
}

// end gives what the kernel reports of the shell and those it waited for.
func (s *shell) end() time.Duration {
	s.in.Close()
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
}

// TestProcesses: real figures at once, with those of processes that have ended,
// and never less than before.
func TestProcesses(t *testing.T) {
	var p cgroup.Processes
	if s := p.Stats(); s != (cgroup.Stats{MemoryLimit: cgroup.NoMemoryLimit}) {
		t.Errorf("before the start: %+v", s)
	}
	var last cgroup.Stats
	next := func(what string) {
		t.Helper()
		s := p.Stats()
		if s.CPUTime < last.CPUTime || s.MemoryLimit != cgroup.NoMemoryLimit {
			t.Errorf("%s: %+v after %+v", what, s, last)
		}
		last = s
	}
	var total time.Duration
	for range 2 {
		before := last.CPUTime
		s := startShell(t)
		p.Begin(s.cmd.Process.Pid)
		next("at the start")
		if last.CPUTime == before || last.MemoryUsage == 0 || last.MemoryUsage > 64<<20 {
			t.Errorf("at the start: %+v", last)
		}
		for range 5 {
			s.work()
			next("while it runs")
		}
		seen := time.Duration(last.CPUTime - before)
		used := s.end()
		if seen < used/2 || seen > used {
			t.Errorf("before the end %v was seen of %v", seen, used)
		}
		next("gone, and not told so") // whoever has its pid by now
		if last.MemoryUsage != 0 {
			t.Errorf("after the end: %+v", last)
		}
		p.End(used)
		total += used
		if next("after the end"); last.CPUTime != uint64(total) {
			t.Errorf("after the end: %v, the kernel says %v", time.Duration(last.CPUTime), total)
		}
	}
	p.End(0) // a start that failed
	if next("after a start that failed"); last.CPUTime != uint64(total) {
		t.Errorf("after a start that failed: %v", time.Duration(last.CPUTime))
	}
}

// TestProcessesOfOneThatWasKilled: what it was seen to use counts, although the
// kernel reports nothing of it.
func TestProcessesOfOneThatWasKilled(t *testing.T) {
	var p cgroup.Processes
	s := startShell(t)
	p.Begin(s.cmd.Process.Pid)
	s.work()
	seen := p.Stats()
	s.end()
	p.End(0)
	if got := p.Stats(); got.CPUTime != seen.CPUTime || seen.CPUTime == 0 {
		t.Errorf("%+v after %+v", got, seen)
	}
}

// TestProcessesOfThreads: children of every thread are found.
func TestProcessesOfThreads(t *testing.T) {
	var p cgroup.Processes
	p.Begin(os.Getpid())
	defer p.End(0)
	before := p.Stats().MemoryUsage
	var started sync.WaitGroup
	cats := make([]*exec.Cmd, 3)
	stop := make(chan struct{})
	for i := range cats {
		cats[i] = exec.Command("cat")
		in, err := cats[i].StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cats[i].StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		started.Add(1)
		go func() {
			runtime.LockOSThread() // a thread that ends would give its children away
			defer runtime.UnlockOSThread()
			if err := cats[i].Start(); err != nil {
				t.Error(err)
			}
			// Its memory may be this process's before, and changes while it is loaded.
			fmt.Fprintln(in)
			if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				t.Error(err)
			}
			started.Done()
			<-stop
		}()
	}
	started.Wait()
	resident := uint64(0)
	for _, cat := range cats {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cat.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		var kib uint64
		if _, err := fmt.Sscanf(string(data[max(0, strings.Index(string(data), "VmRSS:")):]), "VmRSS: %d kB", &kib); err != nil {
			t.Fatal(err)
		}
		resident += kib << 10
	}
	if got := p.Stats().MemoryUsage - before; got < resident*9/10 {
		t.Errorf("three children of three threads have %d bytes, want about %d", got, resident)
	}
	for _, cat := range cats {
		_ = cat.Process.Kill()
		_ = cat.Wait()
	}
	close(stop)
}

// TestProcessesWhileTheyComeAndGo: whoever asks while a container ends and
// starts again sees a time that never falls.
func TestProcessesWhileTheyComeAndGo(t *testing.T) {
	var p cgroup.Processes
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var seen []uint64
			for {
				seen = append(seen, p.Stats().CPUTime)
				select {
				case <-stop:
					if !slices.IsSorted(seen) {
						t.Error("the time fell")
					}
					return
				default:
				}
			}
		})
	}
	for range 20 {
		cmd := exec.Command("sh", "-c", "(: & :) & wait")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p.Begin(cmd.Process.Pid)
		_ = cmd.Wait()
		p.End(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	}
	close(stop)
	readers.Wait()
}
