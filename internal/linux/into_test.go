package linux_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestCloneIntoCgroup: a child is born in its cgroup, and writes itself into it
// where the kernel refuses that.
func TestCloneIntoCgroup(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Limits)
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
	for name, c := range map[string]struct {
		procs []int
		dir   *os.File
	}{"cloned": {nil, folder}, "refused": {[]int{int(files[0].Fd())}, none}} {
		out := filepath.Join(t.TempDir(), "out")
		p := shell(`read line </proc/self/cgroup; echo "$line" >"$OUT"`, "OUT="+out)
		p.CgroupFDs, p.CgroupDir = c.procs, int(c.dir.Fd())
		if status, err := start(t, p); err != nil || status != 0 {
			t.Errorf("%s: status %v, %v", name, status, err)
		}
		data, err := os.ReadFile(out)
		if err != nil || !strings.HasSuffix(strings.TrimSpace(string(data)), "/box/command") {
			t.Errorf("%s: the child is in %q, %v", name, data, err)
		}
	}
}
