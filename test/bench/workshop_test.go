package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLineBlock(t *testing.T) {
	block := lineBlock()
	if len(block) != blockSize || blockSize > 64<<10 {
		t.Errorf("%d bytes, want %d, and at most what the probe reads at once", len(block), blockSize)
	}
	for line := range bytes.Lines(block) {
		if len(line) != lineLength {
			t.Fatalf("a line of %d bytes, want %d", len(line), lineLength)
		}
	}
}

// TestProbeAndWorkshop runs the probe outside of any container.
func TestProbeAndWorkshop(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w, err := newWorkshop("no such lanyard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.close()
		left, err := os.ReadDir(os.Getenv("TMPDIR"))
		if err != nil || slices.ContainsFunc(left, isWorkshop) {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	if s := w.lanyardArgs("x"); s.missing == "" {
		t.Error("a lanyard that is not there takes part")
	}
	probe := filepath.Join(w.rootfs, probePath)
	tests := []struct {
		name   string
		args   []string
		output string
		status int
	}{
		{"nothing", nil, "", 0},
		{"a byte", []string{"w"}, "x", 0},
		{"exit 3", []string{"e"}, "", 3},
		{"unknown operation", []string{"?"}, "", 9},
		{"missing file", []string{"o", "/no/such/file"}, "", 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(probe, tt.args...)
			out, _ := cmd.Output() // the status is looked at
			if string(out) != tt.output || cmd.ProcessState.ExitCode() != tt.status {
				t.Errorf("said %q, %v; want %q and status %d", out, cmd.ProcessState, tt.output, tt.status)
			}
		})
	}
	t.Run("up at the gate", func(t *testing.T) {
		if _, err := w.firstByte(mustCommand(t, w.hostArgs(reportUp))); err != nil {
			t.Error(err)
		}
	})
	t.Run("a failure does not take long", func(t *testing.T) {
		cmd := exec.Command(probe, "ow", filepath.Join(w.dir, "missing"))
		if _, err := w.firstByte(cmd); err == nil {
			t.Error("no error from a command that reports nothing")
		}
	})
	t.Run("TERM and its time", func(t *testing.T) { waitForTerm(t, w) })
}

func isWorkshop(e os.DirEntry) bool {
	matched, _ := filepath.Match("lanyard-bench-*", e.Name())
	return matched
}

func mustCommand(t *testing.T, s starter) *exec.Cmd {
	t.Helper()
	cmd, err := s.command()
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// waitForTerm ends two probes, one after another, and compares their clocks.
func waitForTerm(t *testing.T, w *workshop) {
	var got [2]int64
	for i := range got {
		g, err := w.launch(mustCommand(t, w.hostArgs(waitTerm)), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.cmd.Process.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := g.leave(0); err != nil {
			t.Fatal(err)
		}
		times, err := w.up.times(1)
		if err != nil {
			t.Fatal(err)
		}
		got[i] = times[0]
	}
	if got[0] <= 0 || got[1] <= got[0] {
		t.Errorf("times of two TERMs, one after the other: %v", got)
	}
}
