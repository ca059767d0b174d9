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
