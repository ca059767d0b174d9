package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestKillWhileScopeStarts kills lanyard once it is about to ask systemd for its
// scope, which mostly comes all the same, and has to go. It is not parallel, as TestKillBoth.
func TestKillWhileScopeStarts(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	p := newProject(t, limited("early"))
	for range 10 {
		r := p.start(nil, "app")
		var run string
		until(t, 10*time.Second, "the run folder", func() bool { run = r.runFolder(); return run != "" })
		// Within its execve it has not its name yet.
		until(t, 10*time.Second, "the janitor", func() bool { return len(r.named(janitor.Argv0)) > 0 })
		pipe := openPipe(t, r.theJanitor())
		until(t, 10*time.Second, "what the janitor is told of the scope", func() bool {
			n, err := unix.IoctlGetInt(pipe, unix.TIOCINQ)
			return err != nil || n > len(run)
		})
		r.signal(syscall.SIGKILL)
		r.wait(5 * time.Second)
		unix.Close(pipe)
		scope := "lanyard-" + filepath.Base(run) + ".scope"
		until(t, 5*time.Second, "the end of "+scope, func() bool {
			return len(marked(r.mark)) == 0 && !strings.Contains(systemctl(t, "list-jobs"), scope) && len(testkit.CgroupFolders(scope)) == 0
		})
	}
}

// openPipe opens the pipe of a janitor once more, to see how much is in it.
func openPipe(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", pid, janitor.PipeFD), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// runFolder gives the run folder of this lanyard, "" before there is one.
func (r *running) runFolder() string {
	locks, _ := filepath.Glob(r.runBase() + "/*/" + janitor.LockFile)
	for _, lock := range locks {
		data, _ := os.ReadFile(lock)
		if strings.HasPrefix(string(data), fmt.Sprintf("%d ", r.cmd.Process.Pid)) {
			return filepath.Dir(lock)
		}
	}
	return ""
}

// manager is the flag of systemd's programs for the manager of this user.
func manager() string {
	if os.Geteuid() == 0 {
		return "--system"
	}
	return "--user"
}

// systemctl gives what it prints.
func systemctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("systemctl", append([]string{manager()}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("systemctl %v: %v: %s", args, err, out)
	}
	return string(out)
}
