package cgroup_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestTakeOverOfAnEmptyGroup(t *testing.T) {
	group := measured(t, cgroup.Limits{Memory: of[int64](64 << 20)})
	if err := group.TakeOver(); err != nil {
		t.Errorf("none is there: %v", err)
	}
	if err := group.Create(); err != nil {
		t.Fatal(err)
	}
	// Another program's, in a hierarchy that this one does not use.
	elsewhere := filepath.Join("/sys/fs/cgroup/freezer", strings.SplitN(group.Folders()[0], "/", 6)[5], "below")
	if !v2() {
		if err := os.MkdirAll(elsewhere, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(filepath.Dir(filepath.Dir(elsewhere)))
	}
	again := measured(t, cgroup.Limits{})
	if err := again.TakeOver(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range append(again.Folders(), filepath.Dir(elsewhere)) {
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s is still there", folder)
		}
	}
	if err := again.Create(); err != nil {
		t.Fatal(err)
	}
	if s := stats(t, again); s.MemoryLimit != cgroup.NoMemoryLimit {
		t.Errorf("the limit of the one before is still there: %+v", s)
	}
}

// TestTakeOverOfAPopulatedGroup: what a live supervisor runs is not touched,
// whatever its program is; what nobody answers for is killed.
func TestTakeOverOfAPopulatedGroup(t *testing.T) {
	busybox := testkit.RequireTool(t, "busybox")
	for _, name := range []string{"lanyard", "harpoon-supervisor"} {
		group := measured(t, cgroup.Limits{})
		if err := group.Create(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		data, err := os.ReadFile(busybox)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		supervisor := &exec.Cmd{Path: path, Args: []string{"sh", "-c", "(sleep 1000 & echo $!; wait) & wait"}}
		out, err := supervisor.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := supervisor.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		child, _ := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || child == 0 {
			t.Fatalf("the supervisor says %q, %v", line, err)
		}
		enter(t, group, child)
		var busy *cgroup.BusyError
		if err := group.TakeOver(); !errors.As(err, &busy) || !strings.Contains(err.Error(), fmt.Sprintf("process %d runs a container in it", busy.PID)) {
			t.Errorf("under a live %s: %v", name, err)
		}
		if !alive(child) {
			t.Errorf("the process of a live %s is dead", name)
		}
		// The shell between the two has the same name.
		for _, pid := range []int{busy.PID, supervisor.Process.Pid} {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = supervisor.Wait()
		end := time.Now().Add(testkit.Slow(10 * time.Second))
		for err = group.TakeOver(); errors.As(err, &busy) && time.Now().Before(end); err = group.TakeOver() {
			_ = syscall.Kill(busy.PID, syscall.SIGKILL)
		}
		if err != nil {
			t.Errorf("without a supervisor: %v", err)
		}
		// A process has left its cgroup before it is a zombie.
		if !testkit.Until(testkit.Slow(time.Second), func() bool { return !alive(child) }) {
			t.Errorf("the process that %s left lives", name)
		}
		if err := group.Create(); err != nil {
			t.Error(err)
		}
	}
}

// TestTakeOverOfAFrozenGroup: on v1 nothing frozen dies before it is thawed.
func TestTakeOverOfAFrozenGroup(t *testing.T) {
	testkit.Require(t, testkit.CgroupV1) // on v2 a frozen process can be killed
	group := measured(t, cgroup.Limits{})
	if err := group.Create(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	enter(t, group, cmd.Process.Pid)
	name, _ := strings.CutPrefix(group.Shared()[0], filepath.Dir(group.Shared()[0]))
	frozen := filepath.Join("/sys/fs/cgroup/freezer", name, "box")
	if err := os.MkdirAll(frozen, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Dir(frozen))
	for file, text := range map[string]string{"cgroup.procs": strconv.Itoa(cmd.Process.Pid), "freezer.state": "FROZEN"} {
		if err := os.WriteFile(filepath.Join(frozen, file), []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := group.TakeOver(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.String() != "signal: killed" {
		t.Errorf("the frozen process: %v", err)
	}
	if _, err := os.Stat(frozen); err == nil {
		t.Errorf("%s is left", frozen)
	}
}

// alive says whether a process is there and no zombie that nobody reaps.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(data), "State:\tZ")
}

// TestTakeOverOfItsOwn: a supervisor in the group itself must not kill itself.
func TestTakeOverOfItsOwn(t *testing.T) {
	if os.Getenv("LANYARD_TEST_INSIDE") != "" {
		group := measured(t, cgroup.Limits{})
		if err := group.Create(); err != nil {
			t.Fatal(err)
		}
		enter(t, group, os.Getpid())
		var busy *cgroup.BusyError
		if err := group.TakeOver(); !errors.As(err, &busy) || busy.PID != os.Getpid() {
			t.Errorf("a group with this process in it: %v", err)
		}
		leave(t)
		return
	}
	testkit.Require(t, testkit.Limits)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestTakeOverOfItsOwn$")
	cmd.Env = append(os.Environ(), "LANYARD_TEST_INSIDE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// leave takes this process back to where it was in every hierarchy.
func leave(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", os.Getppid()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		root := "/sys/fs/cgroup/" + fields[1]
		if _, err := os.Stat(root); len(fields) == 3 && err == nil && (fields[1] != "" || v2()) && !strings.HasPrefix(fields[1], "name=") {
			if err := os.WriteFile(filepath.Join(root, fields[2], "cgroup.procs"), fmt.Append(nil, os.Getpid()), 0); err != nil {
				t.Error(err)
			}
		}
	}
}
