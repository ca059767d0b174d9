package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// file makes an empty file of a folder that stands for a cgroup.
func file(t *testing.T, path string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCountSwap: only who wants to limit swap is told that the kernel has no file
// for it, and best effort takes that limit only.
func TestCountSwap(t *testing.T) {
	one := int64(1)
	for controller, name := range map[string]string{"": "memory.swap.max", "memory": "memory.memsw.limit_in_bytes"} {
		dir := t.TempDir()
		g := &Group{limits: Limits{Memory: &one, Swap: &one, Pids: &one}, paths: map[string]string{controller: dir}}
		err := g.countSwap()
		var unsupported *UnsupportedError
		want := "cannot limit swap: this kernel counts no swap (no " + name + "); fix: swapaccount=1 on the kernel's command line; " +
			"set limits-mode: best-effort to run without the limit"
		if !errors.As(err, &unsupported) || err.Error() != want {
			t.Errorf("without %s: %v\nwant %s", name, err, want)
			continue
		}
		if left := g.limits.Without(unsupported); left.Swap != nil || left.Memory == nil || left.Pids == nil {
			t.Errorf("best effort: %+v", left)
		}
		file(t, filepath.Join(dir, name))
		if err := g.countSwap(); err != nil {
			t.Errorf("with %s: %v", name, err)
		}
		g.limits.Swap, g.paths[controller] = nil, t.TempDir()
		if err := g.countSwap(); err != nil {
			t.Errorf("without a limit of swap: %v", err)
		}
	}
}

// TestCountsNoSwap: a place is known by its own files, or by those of a cgroup below.
func TestCountsNoSwap(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		known bool
	}{
		"nothing known":         {nil, false},
		"no memory controller":  {[]string{"a/pids.max"}, false},
		"swap is counted":       {[]string{"memory.max", "memory.swap.max"}, false},
		"none is":               {[]string{"memory.max"}, true},
		"the root, counted":     {[]string{"a/pids.max", "b/memory.max", "b/memory.swap.max"}, false},
		"the root, not counted": {[]string{"a/pids.max", "b/memory.max"}, true},
	} {
		dir := t.TempDir()
		for _, path := range c.files {
			file(t, filepath.Join(dir, path))
		}
		place := Place{Kind: Own, Folder: dir}
		if o := place.CountsNoSwap(); (o != nil) != c.known {
			t.Errorf("%s: %v", name, o)
		}
	}
}

// TestAbsent: a file that the kernel has not made in a cgroup which is there is not
// a cgroup that this user may not use.
func TestAbsent(t *testing.T) {
	base := t.TempDir()
	one, cpus := int64(1), 1.0
	g, err := Plan(&Base{base}, "run/box", Limits{Memory: &one, CPUs: &cpus})
	if err != nil {
		t.Fatal(err)
	}
	box := filepath.Join(base, "run/box")
	missing := func(path string) error {
		_, err := os.Open(path)
		return err
	}
	if e := g.absent(missing(box + "/cpu.max")); e != nil {
		t.Errorf("the cgroup is gone, but it says %v", e)
	}
	file(t, box+"/memory.max")
	for path, want := range map[string]UnsupportedError{
		"/cpu.max":     {"cpu", "this kernel's cgroups have no cpu.max"},
		"/memory.max":  {},
		"/cgroup.kill": {"memory, cpu", "this kernel's cgroups have no cgroup.kill"},
		"/../../x":     {},
	} {
		e := g.absent(missing(box + path))
		if e == nil {
			e = &UnsupportedError{}
		}
		if *e != want {
			t.Errorf("%s: %+v, want %+v", path, *e, want)
		}
	}
}
