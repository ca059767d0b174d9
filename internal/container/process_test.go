package container

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestKilledAndFrozen: v1's freezer holds even KILL back. Who has one pending is
// not alive for whoever wants what it has.
func TestKilledAndFrozen(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.CgroupV1)
	folder := fmt.Sprintf("/sys/fs/cgroup/freezer/lanyard-test-%d", os.Getpid())
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(folder, "freezer.state")
	t.Cleanup(func() {
		if err := os.WriteFile(state, []byte("THAWED"), 0); err != nil {
			t.Error(err)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := os.Remove(folder); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(folder+"/cgroup.procs", fmt.Append(nil, cmd.Process.Pid), 0), os.WriteFile(state, []byte("FROZEN"), 0)); err != nil {
		t.Fatal(err)
	}
	identity := identityOf(cmd.Process.Pid)
	if pid := aliveOf(identity); pid != cmd.Process.Pid {
		t.Errorf("frozen, it is taken for %d", pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if pid := aliveOf(identity); pid != 0 || startOf(cmd.Process.Pid) == "" {
		t.Errorf("killed and frozen, it is taken for %d", pid)
	}
}

// TestEnding: a process is on its way out once all its threads are, and not when
// only its first one has ended.
func TestEnding(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if isEnding(cmd.Process.Pid) {
		t.Error("one that sleeps is taken for one that ends")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !testkit.Until(testkit.Slow(5*time.Second), func() bool { return isEnding(cmd.Process.Pid) && startOf(cmd.Process.Pid) == "" }) {
		t.Error("a zombie is not taken for one that ends")
	}
	_ = cmd.Wait()
	if isEnding(cmd.Process.Pid) {
		t.Error("one that is gone is taken for one that ends")
	}

	leaderless := exec.Command("/proc/self/exe")
	leaderless.Args = []string{"lanyard", "leaderless"}
	if err := leaderless.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = leaderless.Process.Kill()
		_ = leaderless.Wait()
	}()
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return startOf(leaderless.Process.Pid) == "" }) {
		t.Fatal("its first thread is still there")
	}
	if isEnding(leaderless.Process.Pid) {
		t.Error("one whose first thread has ended is taken for one that ends")
	}
}

// withoutLeader ends its first thread, and goes on with the others.
func withoutLeader() int {
	for {
		ran := make(chan bool, 1)
		go func() {
			if unix.Gettid() == os.Getpid() {
				_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
			}
			ran <- true
		}()
		select {
		case <-ran:
		case <-time.After(time.Second):
			time.Sleep(time.Hour)
		}
	}
}
