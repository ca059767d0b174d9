// Package kernel_test tries what users of such tools complain about on the real
// kernel: lanyard is started as a process of its own, with real children, and
// is killed, signalled and starved. Each test has a time limit, and nothing may
// be left after it: no process, mount, cgroup or run folder.
package kernel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestMain makes this binary lanyard, or a helper, when it is called so. The
// roles come first: a helper must never run the tests.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "lanyard":
		os.Exit(cli.Main("lanyard", os.Args[1:]))
	case "exe": // of /proc/self: a command or the interpreter of a script, see TestOverwriteLanyard
		os.Exit(overwrite())
	case helperName:
		os.Exit(helper(os.Args[1:]))
	}
	if err := testkit.SideBySide(6); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lanyard-kernel-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, helperName)
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(binary, self, 0o755)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// binary is a copy of this test binary that every container can see a link of.
var binary string

// exitOf is what a shell would see of a process's end.
func exitOf(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
