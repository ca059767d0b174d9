package janitor_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// remover is this binary when it removes a cgroup, whose path is its argument.
const remover = "remover"

func TestMain(m *testing.M) {
	if os.Args[0] != remover {
		os.Exit(m.Run())
	}
	if err := janitor.RemoveCgroup(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestRemoveCgroup takes away a cgroup with one below it, and a process in that.
func TestRemoveCgroup(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	top := newCgroup(t)
	below := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	sleeper := sleeperIn(t, below)
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

// TestRemoveCgroupByItsKill: on v2 nobody has to be found to be killed, so that no
// fork is missed. Who removes it is in a pid namespace in which nobody of the cgroup
// has a number to be killed by.
func TestRemoveCgroupByItsKill(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.CgroupKill, testkit.Limits, testkit.UserNS)
	top := newCgroup(t)
	if err := os.MkdirAll(top, 0o755); err != nil {
		t.Fatal(err)
	}
	sleeper := sleeperIn(t, top)
	remove := &exec.Cmd{Path: "/proc/self/exe", Args: []string{remover, top}, SysProcAttr: &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWPID | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
	}}
	if out, err := remove.CombinedOutput(); err != nil || there(top) {
		t.Errorf("from another pid namespace: %v\n%s", err, out)
		_ = sleeper.Process.Kill()
	}
	if err := sleeper.Wait(); err == nil {
		t.Error("the process in the cgroup ended by itself")
	}
	_ = os.Remove(top)
}

// newCgroup gives the path of a cgroup that can be made.
func newCgroup(t *testing.T) string {
	t.Helper()
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), fmt.Sprintf("lanyard-test-%d/box", os.Getpid()), cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return group.Shared()[0]
}

// sleeperIn starts a process in a cgroup.
func sleeperIn(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), fmt.Appendf(nil, "%d", sleeper.Process.Pid), 0); err != nil {
		t.Error(err)
	}
	return sleeper
}
