package janitor_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestRemoveCgroup takes away a cgroup with one below it, and a process in that.
func TestRemoveCgroup(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), fmt.Sprintf("lanyard-test-%d/box", os.Getpid()), cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	top := group.Shared()[0]
	below := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(below, "cgroup.procs"), fmt.Appendf(nil, "%d", sleeper.Process.Pid), 0); err != nil {
		t.Error(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleeper.Wait() }()
	if err := janitor.RemoveCgroup(top); err != nil {
		t.Error(err)
	}
	if there(top) {
		t.Errorf("%s is still there", top)
	}
	if err := <-ended; err == nil {
		t.Error("the process in the lower cgroup ended by itself")
	}
	if err := janitor.RemoveCgroup(top); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
}
