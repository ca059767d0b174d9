package supervise_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
)

// The socket is bound relative to the directory, whose path may be of any
// length; clients reach it in the same way, or through a short link.
func TestContractLongDirectory(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	long := filepath.Join(p.base, strings.Repeat("a-long-name/", 40)+"dir")
	p.must(os.MkdirAll(filepath.Dir(long), 0o755))
	p.must(os.Rename(p.dir, long))
	p.dir = long
	r := p.start("/bin/sleep", "1000")
	c := r.dial()
	c.up()
	p.onlyFiles("agent.json", "container.json", "control", "rootfs")
	p.must(c.Kill())
	if s := c.finished(); s.ExitStatus != (client.ExitStatus{Signaled: true, Signal: 9}) {
		t.Errorf("%+v", s)
	}
	r.end()
}

// The working directory is reached through a link, which $PWD tells of.
func TestContractLinkedDirectory(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	link := filepath.Join(p.base, "link")
	p.must(os.Symlink("dir", link))
	r := p.launch(func(cmd *exec.Cmd) { cmd.Dir, cmd.Env = link, append(cmd.Env, "PWD="+link) }, p.words("/bin/echo", "hello")...)
	r.dial().finished()
	r.end()
	if r.output() != "hello\n" {
		t.Errorf("output %q", r.output())
	}
}

func init() { roles["readonly"] = readOnly }

// readOnly executes a supervisor with its directory mounted read-only, in this
// process's mount namespace, which is its own.
func readOnly(args []string) int {
	err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, "")
	if err == nil {
		err = syscall.Mount(".", ".", "", syscall.MS_BIND, "")
	}
	var dir string
	if err == nil {
		dir, err = os.Getwd()
	}
	if err == nil {
		err = syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	}
	if err == nil {
		err = os.Chdir(dir)
	}
	if err == nil {
		err = syscall.Exec("/proc/self/exe", append([]string{supervisorName}, args...), os.Environ())
	}
	os.Stderr.WriteString(err.Error() + "\n")
	return 3
}

// Where no socket can be made nobody could ever be told anything: one line, and
// exit code 1.
func TestBadReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	why, adjust := "permission denied", func(*exec.Cmd) {}
	if os.Geteuid() == 0 {
		why, adjust = "read-only file system", func(cmd *exec.Cmd) {
			cmd.Args = append([]string{helperName, "readonly"}, cmd.Args[1:]...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		}
	} else {
		p.must(os.Chmod(p.dir, 0o555))
		t.Cleanup(func() { _ = os.Chmod(p.dir, 0o755) })
	}
	r := p.launch(adjust, p.words("/bin/true")...)
	r.refused("control", why)
	p.onlyFiles("agent.json", "rootfs")
}

// A directory of which only container.json can't be replaced.
func TestBadContainerJSON(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	p.must(os.MkdirAll(p.path("container.json/full"), 0o755))
	p.start("/bin/true").cannotStart("cannot write container.json")
	p.onlyFiles("agent.json", "container.json", "rootfs")
}

// What is called control and is no socket belongs to somebody.
func TestBadControl(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	p.write("control", "mine")
	r := p.start("/bin/true")
	if code := r.wait(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	r.says("control in the working directory is not a socket")
	if p.read(p.path("control")) != "mine" {
		t.Error("the file control is not what it was")
	}
	p.must(os.Remove(p.path("control")))
}

// A directory that was removed under its supervisor.
func TestBadDirectoryIsGone(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	r := p.launch(func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `rm -r "$PWD"; exec "$0" "$@"`, p.self()}, cmd.Args[1:]...)
	}, p.words("/bin/true")...)
	r.refused("working directory")
}
