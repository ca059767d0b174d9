package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// terminal opens a pseudoterminal (pts(4)).
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	testkit.Require(t, testkit.Pty)
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// on has a command lead a session with the terminal.
func on(slave *os.File) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.Stdin = slave
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	}
}

// TestTerminalClosed: the group goes with the terminal, also if the shell in
// it is killed; only what ignores HUP is waited for.
func TestTerminalClosed(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		master, slave := terminal(t)
		r := newProject(t, listeners).start(on(slave), "app")
		slave.Close()
		r.appear(listening...)
		master.Close()
		r.want(129, 10*time.Second)
	})
	t.Run("shell killed", func(t *testing.T) {
		t.Parallel()
		_, slave := terminal(t)
		r := newProject(t, listeners).start(func(c *exec.Cmd) {
			on(slave)(c)
			c.Path = "/bin/sh"
			// A copy of the binary is lanyard by the name that it is called.
			c.Args = []string{"sh", "-c", "ln helper lanyard; ./lanyard app; exit 77"}
		})
		slave.Close()
		r.appear(listening...)
		r.signal(syscall.SIGKILL)
		if code := r.wait(10 * time.Second); code != 137 {
			t.Errorf("exit code %d of the shell, want 137", code)
		}
		until(t, 10*time.Second, "lanyard ends", func() bool { return len(marked(r.mark)) == 0 })
		if got := r.read("a"); sorted(got) != "SIGTERM\nSIGCONT\n" {
			t.Errorf("child a got %q, want SIGTERM", got)
		}
	})
}
