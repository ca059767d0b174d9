package main

import (
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestSweepContainer: a container whose runtime was killed is found by its root,
// and killed.
func TestSweepContainer(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Setenv("TMPDIR", t.TempDir())
	w, err := newWorkshop("no such lanyard")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	cmd, err := w.cloneArgs(holdUp).command()
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.launch(cmd, 1)
	if err != nil {
		t.Fatal(err)
	}
	left, err := w.leftovers()
	if err != nil || len(left) != 1 || left[0] != g.cmd.Process.Pid {
		t.Errorf("found %v, %v; the container is %d", left, err, g.cmd.Process.Pid)
	}
	if err := w.sweep(); err != nil {
		t.Error(err)
	}
	if err := g.waitFor(patience); err == nil {
		t.Error("it ended by itself")
	}
}
