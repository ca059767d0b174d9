// Package testkit is what the kernel tests share: what a test needs of the
// machine, how it runs lanyard, and the proof that nothing was left.
package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/cgroups"
)

// Need is something that a test can't do without.
type Need string

// What tests need.
const (
	Root   Need = "root"    // uid 0
	User   Need = "user"    // an ordinary user
	UserNS Need = "userns"  // user namespaces for this user
	Limits Need = "limits"  // cgroups with memory, cpu and pids that this user may make
	Pty    Need = "pty"     // /dev/ptmx
	Tool   Need = "program" // see RequireTool
)

// requiredVar names the variable that says as whom the suite runs: with "root"
// or "user" a test that could not run there fails instead of being skipped.
const requiredVar = "LANYARD_TEST_AS"

// Require skips the test where the machine lacks what it needs, on another
// person's machine. In CI, which sets LANYARD_TEST_AS, only the needs that
// the other half of the suite covers (Root, User, Limits) may skip.
func Require(t testing.TB, needs ...Need) {
	t.Helper()
	for _, need := range needs {
		why := missing(need)
		if why == "" {
			continue
		}
		as := os.Getenv(requiredVar)
		if covered := (as == "user" && (need == Root || need == Limits)) || (as == "root" && need == User); as != "" && !covered {
			t.Fatalf("this test is required here and needs %s: %s", need, why)
		}
		t.Skipf("needs %s: %s", need, why)
	}
}

func missing(need Need) string {
	switch need {
	case Root:
		if os.Geteuid() != 0 {
			return "running as an ordinary user"
		}
	case User:
		if os.Geteuid() == 0 {
			return "running as root"
		}
	case UserNS:
		cmd := exec.Command("/bin/true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
		if err := cmd.Run(); err != nil {
			return fmt.Sprintf("no user namespaces: %v", err)
		}
	case Limits:
		if os.Geteuid() != 0 {
			return "an ordinary user has no cgroups of his own here"
		}
		if !cgroups.IsCgroup2UnifiedMode() {
			if _, err := cgroups.FindCgroupMountpoint("", "memory"); err != nil {
				return "no memory cgroup controller"
			}
		}
	case Pty:
		f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			return err.Error()
		}
		f.Close()
	}
	return ""
}

// RequireTool skips, or in CI fails, a test without a program; it gives its path.
func RequireTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv(requiredVar) != "" {
			t.Fatalf("this test is required here and needs the program %s", name)
		}
		t.Skipf("needs the program %s", name)
	}
	return path
}

// Pids gives the processes whose environment holds mark, an entry NAME=VALUE
// that a test gave to what it started. Only processes of this user are seen.
func Pids(mark string) []int {
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscanf(e.Name(), "%d", &pid); err != nil {
			continue
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			continue
		}
		for _, entry := range strings.Split(string(data), "\x00") {
			if entry == mark {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
