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

// zombie gives a process that has ended, and is not reaped before the test ends.
func zombie(t *testing.T) (pid int) {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	if !testkit.Until(testkit.Slow(5*time.Second), func() bool { _, living := testkit.Look(cmd.Process.Pid); return !living }) {
		t.Fatal("true has not ended")
	}
	return cmd.Process.Pid
}

func startScope(name string, member int) (expected []string, err error) {
	_, err = (&cgroup.Place{Kind: cgroup.Scope}).Ready(cgroup.ScopeRequest{
		Name: name, Member: member,
		Expect: func(name string) error { expected = append(expected, name); return nil },
	})
	return expected, err
}

func noScope(t *testing.T, name string) {
	t.Helper()
	if !testkit.Until(testkit.Slow(5*time.Second), func() bool { return len(testkit.CgroupFolders(name)) == 0 }) {
		t.Errorf("%v is still there", testkit.CgroupFolders(name))
	}
}

// TestScopeOfADeadMember: the kernel moves no process that has ended, and says
// nothing, so systemd takes the scope for one that runs.
func TestScopeOfADeadMember(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	name := fmt.Sprintf("lanyard-test-dead-%d.scope", os.Getpid())
	expected, err := startScope(name, zombie(t))
	var unsupported *cgroup.UnsupportedError
	if !errors.As(err, &unsupported) || len(expected) != 1 || expected[0] != name {
		t.Errorf("%v; expected are %q", err, expected)
	}
	noScope(t, name)
}

// TestScopeThatIsEmpty: one that a dead supervisor left, and systemd takes for one
// that runs, makes way.
func TestScopeThatIsEmpty(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	name := fmt.Sprintf("lanyard-test-empty-%d.scope", os.Getpid())
	if err := cgroup.StartUnit(name, zombie(t)); err != nil {
		t.Fatal(err)
	}
	if len(testkit.CgroupFolders(name)) != 1 {
		t.Fatalf("there is no %s, which systemd has started", name)
	}
	member := exec.Command("sleep", "1000")
	if err := member.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := startScope(name, member.Process.Pid); err != nil {
		t.Error(err)
	}
	_ = member.Process.Kill()
	_ = member.Wait()
	noScope(t, name)
}

// TestScopeThatIsRefused: none of ours comes once systemd has said no.
func TestScopeThatIsRefused(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	const name = "lanyard-test-no-type"
	expected, err := startScope(name, os.Getpid())
	var unsupported *cgroup.UnsupportedError
	if !errors.As(err, &unsupported) || len(expected) != 2 || expected[0] != name || expected[1] != "" {
		t.Errorf("%v; expected are %q", err, expected)
	}
}
