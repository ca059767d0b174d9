package linux_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// intoVar tells the test binary that it was started in a user namespace: the
// cgroup to be cloned into is its descriptor 3.
const intoVar = "LANYARD_TEST_INTO"

// TestCloneIntoCgroup: a child is born in its cgroup, also where its parent is the
// root of an ordinary user's namespace, and writes itself into it only where the
// kernel refuses that. One that is to be cloned has no other way into it, so that a
// refusal shows.
func TestCloneIntoCgroup(t *testing.T) {
	if os.Getenv(intoVar) != "" {
		bornIn(t, nil, 3)
		return
	}
	testkit.Require(t, testkit.CgroupV2, testkit.Limits, testkit.UserNS)
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), fmt.Sprintf("lanyard-test-%d/box", os.Getpid()), cgroup.Limits{})
	if err == nil {
		err = group.Create()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := group.Remove(); err != nil {
			t.Error(err)
		}
		_ = os.Remove(group.Shared()[0])
	}()
	files, folder, err := group.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	defer files[0].Close()
	none, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	t.Run("cloned", func(t *testing.T) { bornIn(t, nil, int(folder.Fd())) })
	t.Run("refused", func(t *testing.T) { bornIn(t, []int{int(files[0].Fd())}, int(none.Fd())) })
	t.Run("from a user namespace", func(t *testing.T) {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestCloneIntoCgroup$", "-test.v")
		cmd.Env = append(os.Environ(), intoVar+"=1")
		cmd.ExtraFiles = []*os.File{folder}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestCloneIntoCgroup") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// bornIn starts a child with those two ways into its cgroup, and has it say which
// one it is in.
func bornIn(t *testing.T, procs []int, dir int) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	p := shell(`read line </proc/self/cgroup; echo "$line" >"$OUT"`, "OUT="+out)
	p.CgroupFDs, p.CgroupDir = procs, dir
	if status, err := start(t, p); err != nil || status != 0 {
		t.Errorf("status %v, %v", status, err)
	}
	data, err := os.ReadFile(out)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(data)), "/box/command") {
		t.Errorf("the child is in %q, %v", data, err)
	}
}
