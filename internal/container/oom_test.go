package container

import (
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// hog takes more than limitedGroup allows, and says nothing about it.
const hog = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null"

// limitedGroup is a measured group of 16 MiB that several starts use.
func limitedGroup(t *testing.T) *cgroup.Group {
	t.Helper()
	testkit.Require(t, testkit.Limits)
	memory, swap := int64(16<<20), int64(0)
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), fmt.Sprintf("lanyard-test-%d-%s/box", os.Getpid(), t.Name()), cgroup.Limits{Memory: &memory, Swap: &swap})
	if err == nil {
		err = group.Create()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := group.Remove(); err != nil {
			t.Error(err)
		}
		for _, folder := range group.Shared() {
			if err := os.Remove(folder); err != nil {
				t.Error(err)
			}
		}
	})
	return group
}

func kindOf(list []Event, kind EventKind) Event {
	for _, ev := range list {
		if ev.Kind == kind {
			return ev
		}
	}
	return Event{Kind: 255}
}

// TestOOMIsCountedOnce: in one group over several starts, with the watcher and
// without it.
func TestOOMIsCountedOnce(t *testing.T) {
	group := limitedGroup(t)
	for _, c := range []struct {
		name, script string
		kills        uint64
		oom          bool
		status       syscall.WaitStatus
	}{
		{"nobody", "exit 3", 0, false, 3 << 8},
		{"the command", "exec " + hog, 1, true, 9},
		{"nobody, right after it", "kill -9 $$", 0, false, 9},
		{"a grandchild", hog + "; exit 3", 1, true, 3 << 8},
		{"both", hog + "; exec " + hog, 2, true, 9},
	} {
		for _, watched := range []bool{false, true} {
			var told atomic.Uint64
			stop := func() {}
			if watched {
				var err error
				if stop, err = group.WatchOOM(func(n uint64) { told.Add(n) }); err != nil {
					t.Fatal(err)
				}
			}
			spec, out := shellSpec(t, c.script)
			spec.Cgroup = group
			before, err := group.Stats()
			if err != nil {
				t.Fatal(err)
			}
			_, events := runBox(t, spec, out)
			stop()
			exited, gone := kindOf(events, Exited), kindOf(events, Gone)
			if exited.Status != c.status || exited.OOM != c.oom || gone.OOM != c.oom || exited.NoOOM || gone.NoOOM {
				t.Errorf("%s, watched %v: %+v and %+v", c.name, watched, exited, gone)
			}
			if n := told.Load() + exited.OOMs + gone.OOMs; n != c.kills {
				t.Errorf("%s, watched %v: %d kills were counted, %d of them by the watcher; want %d", c.name, watched, n, told.Load(), c.kills)
			}
			if after, err := group.Stats(); err != nil || after.CPUTime <= before.CPUTime || after.MemoryLimit != 16<<20 {
				t.Errorf("%s: the figures are %+v after %+v, %v", c.name, after, before, err)
			}
		}
	}
}

// TestOOMIsToldAtOnce: the kernel tells of a grandchild's kill while the command
// goes on.
func TestOOMIsToldAtOnce(t *testing.T) {
	group := limitedGroup(t)
	told := make(chan uint64, 16)
	stop, err := group.WatchOOM(func(n uint64) { told <- n })
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := shellSpec(t, hog+"; "+hog+"; exec sleep 1000")
	spec.Cgroup = group
	run := runIn(t.TempDir())
	c, events := start(t, NewEngine(run), spec)
	limit := testkit.Slow(20 * time.Second)
	total, deadline := uint64(0), time.After(limit)
	for total < 2 {
		select {
		case n := <-told:
			total += n
		case <-deadline:
			t.Fatalf("%d kills are told after %v, want 2", total, limit)
		}
	}
	c.Kill()
	list := ended(t, events)
	stop()
	if gone := kindOf(list, Gone); gone.OOMs != 0 || total != 2 {
		t.Errorf("counted again: %+v, told before %d", list, total)
	}
	if i := slices.IndexFunc(list, func(e Event) bool { return e.Kind == Warned || e.Kind == Failed }); i >= 0 {
		t.Errorf("%+v", list[i])
	}
}
