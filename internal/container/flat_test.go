package container

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// footprint is what a process holds that starts containers.
type footprint struct{ descriptors, goroutines, threads, mounts, cgroups int }

func footprintOf(t *testing.T) footprint {
	t.Helper()
	count := func(dir string) int {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/*/lanyard-test-%d-*/*/*", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	folders := 0
	for _, path := range own {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			folders++
		}
	}
	return footprint{count("/proc/self/fd"), runtime.NumGoroutine(), count("/proc/self/task"), strings.Count(string(info), "\n"), folders}
}

// within says whether f holds nothing more than base, but for the few threads
// that Go's runtime adds whenever it likes.
func (f footprint) within(base footprint) bool {
	return f.descriptors <= base.descriptors && f.goroutines <= base.goroutines && f.threads <= base.threads+4 &&
		f.mounts <= base.mounts && f.cgroups <= base.cgroups
}

// TestThousandStarts: one spec, one engine and, as root, one group.
func TestThousandStarts(t *testing.T) {
	spec, out := shellSpec(t, "exit 7")
	var group *cgroup.Group
	if os.Geteuid() == 0 {
		group = limitedGroup(t)
		spec.Cgroup = group
	}
	run := runIn(t.TempDir())
	engine := NewEngine(run)
	round := func() {
		t.Helper()
		_, events := start(t, engine, spec)
		list := ended(t, events)
		if len(list) != 3 || list[1].Kind != Exited || list[1].Status.ExitStatus() != 7 || list[1].OOM {
			text, _ := os.ReadFile(out.Name())
			t.Fatalf("%+v\n%s", list, text)
		}
	}
	for range 50 {
		round()
	}
	before := footprintOf(t)
	rounds := testkit.Rounds(t, 1000)
	for range rounds {
		round()
	}
	// The goroutine that told of the last end may still be ending.
	after := footprintOf(t)
	for end := time.Now().Add(testkit.Slow(10 * time.Second)); !after.within(before) && time.Now().Before(end); after = footprintOf(t) {
		runtime.Gosched()
	}
	if !after.within(before) {
		t.Errorf("after %d starts %+v, before them %+v", rounds, after, before)
	}
	if err := run.Close(); err != nil {
		t.Error(err)
	}
}
