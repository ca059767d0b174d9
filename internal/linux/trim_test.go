package linux_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// TestTrim trims a process of its own: what is mapped of files falls, and the
// process goes on.
func TestTrim(t *testing.T) {
	if os.Getenv("LANYARD_TEST_TRIM") != "" {
		before := filePages(t)
		if err := linux.Trim(); err != nil {
			t.Fatal(err)
		}
		after := filePages(t)
		if after >= before {
			t.Errorf("%d kB of files are mapped after, %d before", after, before)
		}
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestTrim$", "-test.v")
	cmd.Env = append(os.Environ(), "LANYARD_TEST_TRIM=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestTrim") {
		t.Errorf("%v\n%s", err, out)
	}
}

// filePages is RssFile, in kB (proc_pid_status(5)).
func filePages(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no RssFile")
	return 0
}
