package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// TestProjectFile holds the benchmark's project against what lanyard reads.
func TestProjectFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lanyard.yaml")
	if err := os.WriteFile(path, []byte(projectFile()), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"nothing": 1, "one-up": 1, "one-up-limited": 1, "fifty": siblings, "fifty-limited": siblings,
		"fall": siblings + 1, "fall-linger": siblings + 1, "lines": 1,
	}
	for _, c := range p.Commands {
		if len(c.Children) != want[c.Name] {
			t.Errorf("%s has %d children, want %d", c.Name, len(c.Children), want[c.Name])
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("commands that are missing: %v", want)
	}
	limits := p.Containers["limited"].Limits
	if limits.Memory == nil || *limits.Memory != limitMemory || limits.Pids == nil || *limits.Pids != limitPids {
		t.Errorf("limits of the limited container: %+v", limits)
	}
}

// TestBare runs real containers: it needs root, or the right to make user
// namespaces.
func TestBare(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	reason := filepath.Join(t.TempDir(), "reason")
	t.Setenv("BARE_DEBUG", reason)
	w, err := newWorkshop("no such lanyard")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	before := mountTable(t)

	bare := mustCommand(t, w.bareArgs([]string{probePath, "e"}))
	out, _ := bare.CombinedOutput() // the status is looked at
	if bare.ProcessState.ExitCode() != 3 || len(out) > 0 {
		why, _ := os.ReadFile(reason)
		t.Fatalf("bare: %v, said %q, want the command's status 3 and silence; %s", bare.ProcessState, out, why)
	}
	if _, err := w.firstByte(mustCommand(t, w.bareArgs(reportUp))); err != nil {
		t.Errorf("a command that reports through /work: %v", err)
	}
	failing := exec.Command(w.bare, filepath.Join(w.dir, "no such root"), probePath)
	out, _ = failing.CombinedOutput()
	if failing.ProcessState.ExitCode() != 121 || len(out) > 0 {
		t.Errorf("bare without a root: %v, said %q, want 121 and silence", failing.ProcessState, out)
	}
	if after := mountTable(t); after != before {
		t.Errorf("mounts before:\n%s\nand after:\n%s", before, after)
	}
	names := []string{}
	entries, err := os.ReadDir(w.rootfs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"dev", "etc", "probe", "proc", "run", "sys", "tmp", "usr", "work"}; !slices.Equal(names, want) {
		t.Errorf("the root has %v afterwards, want %v", names, want)
	}
}

func mountTable(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
