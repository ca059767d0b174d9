package container

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// withoutLookout is a claimant that may have so few descriptors that it can't execute a
// lookout, as where nothing of a memfd can be executed.
func withoutLookout(base, socket string) int {
	if err := syscall.Setrlimit(unix.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		fmt.Println(err)
		return 1
	}
	return claimant(base, socket, "")
}

// TestNoLookout: where no lookout can be executed the janitor waits for itself.
func TestNoLookout(t *testing.T) {
	c := claims{base: filepath.Join(t.TempDir(), "lanyard"), socket: filepath.Join(t.TempDir(), "control")}
	s, err := startClaimer(c.base, c.socket)
	if err != nil {
		t.Fatalf("it says %q: %v", s.says, err)
	}
	c.has(t, "at first", s)
	exe, err := os.Readlink(procPath(s.janitor, "exe"))
	if own, _ := os.Executable(); err != nil || exe != own {
		t.Errorf("the janitor executes %q, %v; want %q", exe, err, own)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	gone(t, s.janitor)
	if left, err := os.ReadDir(c.base); err != nil || len(left) > 0 || exists(c.socket) {
		t.Errorf("left: %v, %v, the socket %v", left, err, exists(c.socket))
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
	stopped := func() bool { p, _ := testkit.Look(r.janitor); return p.State == 'T' }
	if !testkit.Until(testkit.Slow(10*time.Second), stopped) {
		t.Fatal("the lookout is not stopped")
	}
	r.disown()
	if supervisor, _ := holders(r.lock); supervisor != "" {
		t.Errorf("the lock file names the supervisor %q", supervisor)
	}
	wake(r.lock)
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return !stopped() }) {
		t.Error("the lookout is still stopped")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
