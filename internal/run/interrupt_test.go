package run_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

const interrupted = `
containers:
  c: {rootfs: ROOT}
commands:
  single: !Command {container: c, run: [sleep, "1000"]}
  banner: !Command {container: c, banner: hello, run: [sleep, "1000"]}
  group: !Supervise
    children:
      a: !Command {container: c, run: [sleep, "1000"]}
      b: !Command {container: c, run: [sleep, "1000"]}
`

// TestInterruptWhileStarting: Ctrl-C goes to lanyard's whole process group, and
// must not end a container's init that has just been cloned.
func TestInterruptWhileStarting(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, interrupted)
	for round := range 20 {
		name := []string{"single", "group"}[round%2]
		cmd := p.Command(t.Context(), name)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); !hasChild(cmd.Process.Pid); {
			if time.Now().After(deadline) {
				t.Fatal("it has started nothing for 20 seconds")
			}
		}
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Contains(errs.String(), "could not be started") {
			t.Fatalf("round %d, %s: exit code %d\n%s", round, name, code, errs.String())
		}
	}
}

// hasChild says whether any thread of a process has a child (proc(5)).
func hasChild(pid int) bool {
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, thread := range threads {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if len(data) > 0 {
			return true
		}
	}
	return false
}

// TestBannerNobodyReads: a full stderr must not keep lanyard from its signals.
func TestBannerNobodyReads(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, interrupted)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	size, err := unix.FcntlInt(write.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	cmd := p.Command(t.Context(), "banner")
	cmd.Stderr = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "its command is on the way", func() bool { return hasChild(cmd.Process.Pid) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}
