package linux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// TestTrim trims a process of its own: what is mapped of files falls, and the
// process goes on.
func TestTrim(t *testing.T) {
	if os.Getenv("LANYARD_TEST_TRIM") != "" {
		written := writtenOnce(t)
		before := filePages(t)
		if err := linux.Trim(); err != nil {
			t.Fatal(err)
		}
		after := filePages(t)
		if after >= before {
			t.Errorf("%d kB of files are mapped after, %d before", after, before)
		}
		if got := string(written[:5]); got != "moved" {
			t.Errorf("a mapping that was written before it was protected holds %q", got)
		}
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestTrim$", "-test.v")
	cmd.Env = append(os.Environ(), "LANYARD_TEST_TRIM=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestTrim") {
		t.Errorf("%v\n%s", err, out)
	}
}

// writtenOnce maps a file as a dynamic linker does: private, written, protected.
func writtenOnce(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 2*os.Getpagesize()), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 2*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	copy(m, "moved")
	if err := unix.Mprotect(m, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	return m
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
