package supervise_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// A service manager says in LISTEN_PID whom its sockets are for, and knows that
// only between fork and exec: activated does the same.
func init() { roles["activated"] = activated }

func activated(args []string) int {
	self := strconv.Itoa(os.Getpid())
	env := append(os.Environ(), "LISTEN_PID="+self, "LISTEN_FDNAMES=control")
	fmt.Fprintln(os.Stderr, syscall.Exec("/proc/self/exe", append([]string{supervisorName}, args...), env))
	return 120
}

// activate starts a supervisor with files from descriptor 3 on, as many as fds
// says.
func (p *place) activate(fds string, files []*os.File, command ...string) *running {
	p.t.Helper()
	return p.launch(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{helperName, "activated"}, cmd.Args[1:]...)
		cmd.Env = append(cmd.Env, "LISTEN_FDS="+fds)
		cmd.ExtraFiles = files
	}, p.words(command...)...)
}

// socket makes the socket control as a service manager does, and gives the
// descriptor to pass on. free takes it away again.
func (p *place) socket() (f *os.File, free func()) {
	p.t.Helper()
	owner, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.shortPath("control"), Net: "unix"})
	p.must(err)
	owner.SetUnlinkOnClose(false)
	f, err = owner.File()
	p.must(err)
	free = func() {
		owner.Close()
		f.Close()
		_ = os.Remove(p.path("control"))
	}
	p.t.Cleanup(free)
	return f, free
}

// TestActivation: the socket is the manager's before, while and after it is
// served, also after kill -9; a client that came first is served, too.
func TestActivation(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	f, free := p.socket()
	before, err := os.Lstat(p.path("control"))
	p.must(err)
	check := func(when string) {
		t.Helper()
		now, err := os.Lstat(p.path("control"))
		if err != nil || !os.SameFile(before, now) {
			t.Errorf("%s the socket is another one: %v", when, err)
		}
	}
	early, err := client.Dial(t.Context(), p.dir)
	p.must(err)
	defer early.Close()
	for _, end := range []string{"exit", "TERM", "KILL", "exit"} {
		r := p.activate("1", []*os.File{f}, "/bin/sleep", "1000")
		if s, err := early.Next(); err != nil || !s.Up {
			t.Fatalf("a client that was there first gets %+v, %v\n%s", s, err, r.log())
		}
		c := r.dial()
		c.up()
		check("while it is served")
		if journal := r.journal(); strings.Contains(journal, janitor.SocketEntry+" ") {
			t.Errorf("the journal has the manager's socket:\n%s", journal)
		}
		switch end {
		case "exit":
			r.must(c.Kill())
			c.finished()
			r.must(c.Exit())
		case "TERM":
			r.signal(syscall.SIGTERM)
		case "KILL":
			r.signal(syscall.SIGKILL)
		}
		if code := r.wait(); (code != 0) != (end == "KILL") {
			t.Errorf("%s: exit code %d\n%s", end, code, r.log())
		}
		until(t, "the run folder is gone", func() bool { return r.journal() == "" && len(r.named("lanyard-janitor")) == 0 })
		check("after " + end)
		early.Close()
		if early, err = client.Dial(t.Context(), p.dir); err != nil {
			t.Fatalf("after %s nobody listens: %v", end, err)
		}
	}
	early.Close()
	free()
}

// journal is what the run of this supervisor has noted; "" for nothing.
func (r *running) journal() string {
	files, _ := filepath.Glob(r.runBase() + "/*/" + janitor.JournalFile)
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), r.dir+"/") {
			return string(data)
		}
	}
	return ""
}

// TestActivationLeaksNothing: nobody but the supervisor has the socket, and
// nothing that a manager says to it is in anybody's environment.
func TestActivationLeaksNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"env": {"PATH": "/bin", "NOTIFY_SOCKET": "/its/own"}}`)
	f, free := p.socket()
	// A shell does not hold more than 0, 1, 2, and the folder while it reads it.
	r := p.activate("1", []*os.File{f}, "/bin/sh", "-c", "env; echo /proc/self/fd/*; exec sleep 1000")
	r.dial().up()
	until(t, "the command has said it", func() bool { return strings.Contains(r.output(), "/proc/self/fd/") })
	out := r.output()
	for _, name := range []string{"LISTEN_", "WATCHDOG_"} {
		if strings.Contains(out, name) {
			t.Errorf("the command has %s:\n%s", name, out)
		}
	}
	if !strings.Contains(out, "NOTIFY_SOCKET=/its/own\n") {
		t.Errorf("the command lacks what agent.json gives it:\n%s", out)
	}
	st, err := f.Stat()
	p.must(err)
	link := fmt.Sprintf("socket:[%d]", st.Sys().(*syscall.Stat_t).Ino)
	holders := 0
	for _, q := range marked(r.mark) {
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", q.PID))
		for _, fd := range fds {
			if to, _ := os.Readlink(fd); to == link {
				holders++
				if q.PID != r.cmd.Process.Pid {
					t.Errorf("%s (process %d) has the socket as %s", q.Name, q.PID, fd)
				}
			}
		}
		if q.PID == r.cmd.Process.Pid {
			continue
		}
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", q.PID)) // of a stage only root's
		if strings.Contains(string(env), "LISTEN_") {
			t.Errorf("%s (process %d) has %q", q.Name, q.PID, env)
		}
	}
	if holders != 1 {
		t.Errorf("the supervisor has the socket %d times, want once", holders)
	}
	r.signal(syscall.SIGTERM)
	r.wait()
	free()
}

// TestActivationForeignUser: a manager's socket may be open to everybody; only
// the owner and root are served.
func TestActivationForeignUser(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	p := newPlace(t, `{}`)
	f, free := p.socket()
	p.must(os.Chmod(p.path("control"), 0o666))
	r := p.activate("1", []*os.File{f}, "/bin/sleep", "1000")
	r.dial().up()
	folder, err := os.Open(r.dir)
	p.must(err)
	defer folder.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{helperName, "foreign-client"}, ExtraFiles: []*os.File{folder},
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}},
	}
	if out, _ := cmd.Output(); string(out) != `""` { // its exit code says no more
		t.Errorf("a foreign user gets %s", out)
	}
	r.signal(syscall.SIGTERM)
	r.wait()
	free()
}

// TestBadActivation: what can't be control is refused in words.
func TestBadActivation(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	p.must(err)
	dgram, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	p.must(err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	defer tcp.Close()
	port, err := tcp.(*net.TCPListener).File()
	p.must(err)
	plain, err := os.Open(p.path("agent.json"))
	p.must(err)
	connection, other := os.NewFile(uintptr(pair[0]), "pair"), os.NewFile(uintptr(pair[1]), "pair")
	datagrams := os.NewFile(uintptr(dgram), "datagrams")
	for _, test := range []struct {
		fds   string
		files []*os.File
		want  string
	}{
		{"2", []*os.File{connection, other}, "2 sockets"},
		{"x", nil, `LISTEN_FDS is "x"`},
		{"1", []*os.File{connection}, "Accept=yes"},
		{"1", []*os.File{datagrams}, "no unix stream socket"},
		{"1", []*os.File{port}, "no unix stream socket"},
		{"1", []*os.File{plain}, "no socket"},
		{"1", nil, "no socket"},
	} {
		r := p.activate(test.fds, test.files, "/bin/true")
		r.want(1)
		r.says("cannot take", test.want)
		if lines := strings.Count(r.errors(), "\n"); lines != 1 {
			t.Errorf("%d lines:\n%s", lines, r.errors())
		}
	}
	for _, f := range []*os.File{connection, other, datagrams, port, plain} {
		f.Close()
	}
}

// TestActivationOfAnotherProcess: sockets that are not for this process leave
// it as it is.
func TestActivationOfAnotherProcess(t *testing.T) {
	t.Parallel()
	r := newPlace(t, `{}`).launch(func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "LISTEN_FDS=7", "LISTEN_PID=1")
	})
	r.want(1) // no words
	p := newPlace(t, `{}`)
	r = p.launch(func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "LISTEN_FDS=7", "LISTEN_PID=1")
	}, p.words("/bin/sleep", "1000")...)
	r.dial().up()
	r.end()
}
