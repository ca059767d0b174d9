package cgroup_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestScopeOfADeadMember: the kernel moves no process that has ended, and says
// nothing, so systemd takes the scope for one that runs.
func TestScopeOfADeadMember(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	dead := exec.Command("true")
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	if !testkit.Until(testkit.Slow(5*time.Second), func() bool { _, living := testkit.Look(dead.Process.Pid); return !living }) {
		t.Fatal("true has not ended")
	}
	name := fmt.Sprintf("lanyard-test-dead-%d.scope", os.Getpid())
	base, err := (&cgroup.Place{Kind: cgroup.Scope}).Ready(cgroup.ScopeRequest{
		Name: name, Member: dead.Process.Pid, Ask: func() error { return nil },
	})
	var unsupported *cgroup.UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Errorf("%v, %v", base, err)
	}
	if !testkit.Until(testkit.Slow(5*time.Second), func() bool { return len(testkit.CgroupFolders(name)) == 0 }) {
		t.Errorf("%v is still there", testkit.CgroupFolders(name))
	}
	_ = dead.Wait()
}
