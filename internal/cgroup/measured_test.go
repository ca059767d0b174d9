package cgroup_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// measured plans a group that is taken away at the end of the test.
func measured(t *testing.T, limits cgroup.Limits) *cgroup.Group {
	t.Helper()
	testkit.Require(t, testkit.Limits)
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), fmt.Sprintf("lanyard-test-%d-%s/box", os.Getpid(), t.Name()), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := group.Remove(); err != nil {
			t.Error(err)
		}
		for _, folder := range slices.Concat(group.Folders(), group.Shared()) {
			_ = os.Remove(folder)
			if _, err := os.Stat(folder); err == nil {
				t.Errorf("%s is left", folder)
			}
		}
	})
	return group
}

// enter puts a process into a group.
func enter(t *testing.T, group *cgroup.Group, pid int) {
	t.Helper()
	files, folder, err := group.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	folder.Close()
	for _, f := range files {
		if _, err := fmt.Fprint(f, pid); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		f.Close()
	}
}

func stats(t *testing.T, group *cgroup.Group) cgroup.Stats {
	t.Helper()
	s, err := group.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStats: figures come at once, and never fall over two processes.
func TestStats(t *testing.T) {
	for limit, limits := range map[uint64]cgroup.Limits{cgroup.NoMemoryLimit: {}, 64 << 20: {Memory: of[int64](64 << 20), Swap: of[int64](64 << 20), CPUs: of(2.0)}} {
		group := measured(t, limits)
		if _, err := group.Stats(); !errors.Is(err, cgroup.ErrClosed) {
			t.Errorf("before Create: %v", err)
		}
		if err := group.Create(); err != nil {
			t.Fatal(err)
		}
		last := stats(t, group)
		if last.MemoryLimit != limit {
			t.Errorf("the limit is %d, want %d", last.MemoryLimit, limit)
		}
		for range 2 {
			sh := exec.Command("sh", "-c", "read go; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; echo done; read go")
			in, err := sh.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := sh.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := sh.Start(); err != nil {
				t.Fatal(err)
			}
			enter(t, group, sh.Process.Pid)
			fmt.Fprintln(in)
			if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			s := stats(t, group)
			if s.CPUTime <= last.CPUTime || s.MemoryUsage == 0 || s.MemoryUsage > 64<<20 {
				t.Errorf("a process that has run: %+v after %+v", s, last)
			}
			in.Close()
			_ = sh.Wait() // 1: its input has ended
			if last = stats(t, group); last.CPUTime < s.CPUTime {
				t.Errorf("after its end: %+v after %+v", last, s)
			}
		}
		if err := group.Remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := group.Stats(); !errors.Is(err, cgroup.ErrClosed) {
			t.Errorf("after Remove: %v", err)
		}
	}
}

// TestDescriptorsStayFlat: figures cost no descriptor each.
func TestDescriptorsStayFlat(t *testing.T) {
	group := measured(t, cgroup.Limits{})
	before := descriptors(t)
	for range 20 {
		if err := group.Create(); err != nil {
			t.Fatal(err)
		}
		stop, err := group.WatchOOM(func(n uint64) { t.Errorf("%d kills", n) })
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			stats(t, group)
			group.TakeOOM()
		}
		stop()
		if err := group.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	// The poller's own may come with the first.
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors, before it %d", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
