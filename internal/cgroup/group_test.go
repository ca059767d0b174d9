package cgroup_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func of[T any](v T) *T { return &v }

// v2 says whether this machine has the unified hierarchy only.
func v2() bool {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	return err == nil
}

func plan(t *testing.T, limits cgroup.Limits) *cgroup.Group {
	t.Helper()
	group, err := cgroup.Plan(testkit.CgroupBase(t), fmt.Sprintf("lanyard-test-%d-%s/child", os.Getpid(), t.Name()), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, folder := range slices.Backward(group.Folders()) {
			_ = os.Remove(folder)
		}
	})
	return group
}

func TestEmpty(t *testing.T) {
	if !(cgroup.Limits{}).Empty() {
		t.Error("no limits are not empty")
	}
	for name, l := range map[string]cgroup.Limits{"memory": {Memory: of[int64](1)}, "swap": {Swap: of[int64](0)}, "cpus": {CPUs: of(1.0)}, "pids": {Pids: of[int64](1)}, "io": {IOWeight: of[uint64](1)}} {
		if l.Empty() {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestLimitsAreWritten(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	group := plan(t, cgroup.Limits{Memory: of[int64](64 << 20), Swap: of[int64](1 << 20), CPUs: of(0.5), Pids: of[int64](17)})
	if err := group.Create(); err != nil {
		t.Fatal(err)
	}
	// v1 counts memory and swap together.
	files := map[string]string{"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "68157440", "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000", "pids.max": "17"}
	if v2() {
		files = map[string]string{"memory.max": "67108864", "memory.swap.max": "1048576", "cpu.max": "50000 100000", "pids.max": "17"}
	}
	for name, want := range files {
		found := false
		for _, folder := range group.Folders() {
			if filepath.Base(folder) != "child" {
				continue
			}
			if data, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
				found = true
				if got := strings.TrimSpace(string(data)); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
		}
		if !found {
			t.Errorf("no %s in %v", name, group.Folders())
		}
	}
	if n, recent, _ := group.TakeOOM(); n != 0 || recent || !group.CountsOOM() {
		t.Errorf("OOM kills of a new group: %d, recent %v, counted %v", n, recent, group.CountsOOM())
	}
	files2, folder, err := group.Open(nil)
	if err != nil || len(files2) == 0 {
		t.Fatalf("Open: %v, %v", files2, err)
	}
	if (folder != nil) != v2() {
		t.Errorf("a folder to be cloned into: %v", folder)
	}
	folder.Close()
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files2 {
		if _, err := fmt.Fprint(f, cmd.Process.Pid); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		f.Close()
	}
	// What is still in it is killed.
	if err := group.Remove(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.String() != "signal: killed" {
		t.Errorf("the process in the group: %v", err)
	}
	for _, folder := range group.Folders() {
		if _, err := os.Stat(folder); (err == nil) == (strings.Contains(folder, "/child")) {
			t.Errorf("after Remove, %s: %v; the run's own folder stays and the child's goes", folder, err)
		}
	}
	if err := group.Remove(); err != nil {
		t.Errorf("removing again: %v", err)
	}
}

// TestIOWeight: whatever weight this kernel has is set; one that has none, or a
// user without io, is said to have none.
func TestIOWeight(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	group := plan(t, cgroup.Limits{IOWeight: of[uint64](5000)})
	err := group.Create()
	run := group.Folders()[0]
	probe := filepath.Join(run, "probe")
	if err := os.Mkdir(probe, 0o755); err != nil {
		t.Fatal(err)
	}
	found := false
	for name, want := range map[string]string{"io.weight": "5000", "io.bfq.weight": "545", "blkio.bfq.weight": "545"} {
		if _, err := os.Stat(filepath.Join(probe, name)); err != nil {
			continue
		}
		found = true
		data, err := os.ReadFile(filepath.Join(run, "child", name))
		if got := strings.TrimPrefix(strings.TrimSpace(string(data)), "default "); err != nil || got != want {
			t.Errorf("%s is %q, want %s; %v", name, data, want, err)
		}
	}
	if err := os.Remove(probe); err != nil {
		t.Error(err)
	}
	if !found && testkit.IOWeight() {
		t.Errorf("there is no weight in %s, where one has to be", probe)
	}
	var unsupported *cgroup.UnsupportedError
	want := "cannot limit io: there is no weight in " + filepath.Join(run, "child") + ": "
	place := cgroup.FindPlace()
	if _, few := place.Lacks("io"); few != nil {
		want = "cannot limit io: " + few.Error()
	}
	if found && err != nil ||
		!found && (!errors.As(err, &unsupported) || !strings.HasPrefix(err.Error(), want)) {
		t.Errorf("this kernel has a weight: %v; Create: %v", found, err)
	}
	if err := group.Remove(); err != nil {
		t.Error(err)
	}
}

func TestUnsupported(t *testing.T) {
	testkit.Require(t, testkit.User, testkit.CgroupV1) // on v2 see TestControllerThatIsMissing and TestChoice
	limits := cgroup.Limits{Memory: of[int64](64 << 20), Pids: of[int64](5)}
	group := plan(t, limits)
	err := group.Create()
	var unsupported *cgroup.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Limit != "memory, pids" || !strings.Contains(err.Error(), "limits-mode: best-effort") {
		t.Errorf("an ordinary user's limits: %v", err)
	}
	for _, folder := range group.Folders() {
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s is left", folder)
		}
	}
}

// TestControllerThatIsMissing: the base has a controller or not, and only who
// needs it is told.
func TestControllerThatIsMissing(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Limits)
	above := plan(t, cgroup.Limits{Pids: of[int64](5)})
	if err := above.Create(); err != nil {
		t.Fatal(err)
	}
	folders := above.Folders()
	bare := cgroup.BaseAt(folders[len(folders)-1]) // gets no controllers from the one above
	for want, limits := range map[string]cgroup.Limits{
		"memory": {Memory: of[int64](64 << 20)}, "cpu": {CPUs: of(0.5)}, "pids": {Pids: of[int64](5)},
	} {
		group, err := cgroup.Plan(bare, "run/box", limits)
		if err == nil {
			err = group.Create()
		}
		var unsupported *cgroup.UnsupportedError
		if !errors.As(err, &unsupported) || unsupported.Limit != want || !strings.Contains(err.Error(), "has no "+want+" controller") {
			t.Errorf("limits of %s: %v", want, err)
		}
	}
	group, err := cgroup.Plan(bare, "run/box", cgroup.Limits{})
	if err == nil {
		err = group.Create()
	}
	if err != nil {
		t.Errorf("without limits: %v", err)
	}
	if err := above.Remove(); err != nil {
		t.Error(err)
	}
}

func TestNoMemoryLimitCountsNoOOM(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	group := plan(t, cgroup.Limits{Pids: of[int64](5)})
	if err := group.Create(); err != nil {
		t.Fatal(err)
	}
	if group.CountsOOM() {
		t.Error("a group without memory claims to count OOM kills")
	}
	if err := group.Remove(); err != nil {
		t.Error(err)
	}
}
