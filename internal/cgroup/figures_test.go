package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFiguresOfV2 reads files as the unified hierarchy has them.
func TestFiguresOfV2(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n")
	put("memory.current", "479232\n")
	put("memory.max", "max\n")
	put("memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 0\noom_group_kill 0\n")
	g := &Group{base: &Base{}, name: "harpoon/x", measured: true, paths: map[string]string{"": dir}}
	g.counters.descriptors = closed
	if _, err := g.Stats(); !errors.Is(err, ErrClosed) {
		t.Errorf("before they are open: %v", err)
	}
	if err := g.counters.open(g); err != nil {
		t.Fatal(err)
	}
	if s, err := g.Stats(); err != nil || s != (Stats{1500000, 479232, 9223372036854771712}) {
		t.Errorf("%+v, %v", s, err)
	}
	put("cpu.stat", "usage_usec 1400\n")
	put("memory.max", "67108864\n")
	if s, err := g.Stats(); err != nil || s != (Stats{1500000, 479232, 67108864}) {
		t.Errorf("%+v, %v; the time must not fall", s, err)
	}
	put("memory.current", "nothing\n")
	if _, err := g.Stats(); err == nil {
		t.Error("no error for a figure that is none")
	}
	seen := make(chan uint64, 9)
	stop, err := g.WatchOOM(func(n uint64) { seen <- n })
	if err != nil {
		t.Fatal(err)
	}
	put("memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\noom_group_kill 0\n")
	select {
	case n := <-seen:
		if n != 2 {
			t.Errorf("%d kills, want 2", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("2 kills are not told")
	}
	if fresh, recent, _ := g.TakeOOM(); fresh != 0 || !recent || !g.CountsOOM() {
		t.Errorf("after they were told: %d fresh, recent %v", fresh, recent)
	}
	g.counters.begin(nil)
	if fresh, recent, _ := g.TakeOOM(); fresh != 0 || recent {
		t.Errorf("in the next start: %d fresh, recent %v", fresh, recent)
	}
	stop()
	put("memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 3\noom_group_kill 0\n")
	if fresh, recent, _ := g.TakeOOM(); fresh != 1 || !recent {
		t.Errorf("a third one: %d fresh, recent %v", fresh, recent)
	}
	g.counters.begin(func() bool { return true })
	put("memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 4\noom_group_kill 0\n")
	for want := range 2 {
		if fresh, _, fatal := g.TakeOOM(); fresh != uint64(1-want) || !fatal {
			t.Errorf("one that ends the command: %d fresh, fatal %v", fresh, fatal)
		}
	}
	g.counters.begin(nil)
	if _, _, fatal := g.TakeOOM(); fatal {
		t.Error("one that ended the command before is fatal to the next")
	}
	g.counters.close()
	if _, err := g.Stats(); !errors.Is(err, ErrClosed) || g.CountsOOM() {
		t.Errorf("after they are closed: %v", err)
	}
}

func TestSharedFolders(t *testing.T) {
	both := map[string]string{"cpu": "/c/cpu,cpuacct/harpoon/x", "cpuacct": "/c/cpu,cpuacct/harpoon/x", "memory": "/c/memory/harpoon/x"}
	g := &Group{base: &Base{}, measured: true, paths: both}
	for got, want := range map[string]string{
		list(g.Folders()): "/c/cpu,cpuacct/harpoon/x /c/memory/harpoon/x ",
		list(g.Shared()):  "/c/cpu,cpuacct/harpoon /c/memory/harpoon ",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if alone := (&Group{paths: both}); len(alone.Shared()) != 0 || list(alone.Folders())[:27] != "/c/cpu,cpuacct/harpoon /c/c" {
		t.Errorf("a group of a run's own: %v, shared %v", alone.Folders(), alone.Shared())
	}
}

func list(paths []string) (s string) {
	for _, p := range paths {
		s += p + " "
	}
	return s
}
