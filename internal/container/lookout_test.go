package container

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

// withoutLookout is the first process of a pid namespace in which nothing of a memfd
// can be executed. It kills a claimant there, and says what is left.
func withoutLookout(base, socket string) int {
	err := os.WriteFile("/proc/sys/vm/memfd_noexec", []byte("2"), 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if _, err := janitor.Lookout(); err == nil {
		fmt.Println("there is a lookout")
		return 1
	}
	c, err := startClaimer(base, socket, "")
	if err != nil || !strings.HasPrefix(c.says, "ready ") || !exists(socket) {
		fmt.Println("it says", c.says, err)
		return 1
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	var left []os.DirEntry
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool {
		left, err = os.ReadDir(base)
		return !exists(socket) && len(left) == 0
	}) {
		fmt.Println("left:", left, err)
		return 1
	}
	fmt.Println("nothing is left")
	return 0
}

// TestNoLookout: where no lookout can be executed the janitor waits for itself.
func TestNoLookout(t *testing.T) {
	testkit.Require(t, testkit.Root)
	if !exists("/proc/sys/vm/memfd_noexec") {
		t.Log("this kernel executes every memfd (before Linux 6.3): nothing to forbid")
		return
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"lanyard", filepath.Join(t.TempDir(), "base"), filepath.Join(t.TempDir(), "control")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "nothing is left\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestLookoutIsSmall: what waits for the end of a run is no whole lanyard, and has
// its name.
func TestLookoutIsSmall(t *testing.T) {
	fd, err := janitor.Lookout()
	if err == syscall.ENOSYS {
		return // not on this processor
	}
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	r := runIn(t.TempDir())
	if err := r.Note(Entry{janitor.TreeEntry, filepath.Join(t.TempDir(), "none")}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	name := ""
	testkit.Until(10*time.Second, func() bool {
		text, _ := os.ReadFile(procPath(r.janitor, "comm"))
		name = strings.TrimSpace(string(text))
		return name == janitor.Argv0
	})
	if name != janitor.Argv0 {
		t.Errorf("its name is %q", name)
	}
	status, err := os.ReadFile(procPath(r.janitor, "status"))
	if err != nil || !strings.Contains(string(status), "\nThreads:\t1\n") {
		t.Errorf("%v, %s", err, status)
	}
	rollup, err := os.ReadFile(procPath(r.janitor, "smaps_rollup"))
	var pss int
	for line := range strings.Lines(string(rollup)) {
		_, _ = fmt.Sscanf(line, "Pss: %d kB", &pss)
	}
	if err != nil || pss == 0 || pss > 64 {
		t.Errorf("it takes %d kB (PSS), %v", pss, err)
	}
}

// TestLookoutWithSignals: what somebody sent to a lookout that waits does not end the
// janitor that it becomes.
func TestLookoutWithSignals(t *testing.T) {
	c := newClaims(t)
	s := c.start(t)
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGSEGV, unix.SIGABRT} {
		if err := syscall.Kill(s.janitor, sig); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return !exists(c.socket) }) {
		t.Error("the socket is left")
	}
	gone(t, s.janitor)
	_ = os.Remove(c.base) // it stays for the next run
}

// TestDisown: whoever sweeps after a kill in the middle of an orderly end finds a
// janitor that somebody has stopped.
func TestDisown(t *testing.T) {
	r := runIn(t.TempDir())
	if err := r.Note(Entry{janitor.TreeEntry, filepath.Join(t.TempDir(), "none")}); err != nil {
		t.Fatal(err)
	}
	if supervisor, cleaner := holders(r.lock); aliveOf(supervisor) != os.Getpid() || aliveOf(cleaner) != r.janitor {
		t.Errorf("the lock file names %q and %q", supervisor, cleaner)
	}
	if err := syscall.Kill(r.janitor, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	state := func() string {
		text, _ := os.ReadFile(procPath(r.janitor, "stat"))
		_, rest, _ := strings.Cut(string(text), ") ")
		return rest[:min(1, len(rest))]
	}
	if !testkit.Until(10*time.Second, func() bool { return state() == "T" }) {
		t.Fatalf("the lookout is in state %q", state())
	}
	r.disown()
	if supervisor, _ := holders(r.lock); supervisor != "" {
		t.Errorf("the lock file names the supervisor %q", supervisor)
	}
	wake(r.lock)
	if !testkit.Until(10*time.Second, func() bool { return state() != "T" }) {
		t.Error("the lookout is still stopped")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
