package supervise_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// init registers a supervisor that may open few files, and a client that runs
// as somebody else.
func init() {
	roles["few-files"] = func(args []string) int {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: 1024}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Fprintln(os.Stderr, unix.Exec("/proc/self/exe", append([]string{supervisorName}, args...), os.Environ()))
		return 1
	}
	roles["foreign-client"] = func([]string) int {
		conn, err := net.Dial("unix", "/proc/self/fd/3/control")
		if err != nil {
			fmt.Println(errors.Is(err, unix.EACCES))
			return 1
		}
		_, _ = io.WriteString(conn, "event: kill\n\n") // it may be closed already
		got, _ := io.ReadAll(conn)
		fmt.Printf("%q", got)
		return 0
	}
}

// TestContractTenThousandConnections: there are more than the supervisor can
// have. Its container is not lost, and is restarted meanwhile and afterwards.
func TestContractTenThousandConnections(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"env": {"PATH": "/bin"}, "restart": "always", "resources": {"fd": 512}}`)
	r := p.launch(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{helperName, "few-files"}, p.words("sh", "-c", brief+"; exit 3")...)
	})
	s := r.connect()
	s.gets(isUp)
	folder, err := os.Open(p.dir)
	p.must(err)
	defer folder.Close()
	address := &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/control", folder.Fd())}
	const all, held = 10_000, 3_000 // held at a time: more than the supervisor's limit
	var open []int
	closeOldest := func() {
		p.must(unix.Close(open[0]))
		open = open[1:]
	}
	for range all {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		p.must(err)
		open = append(open, fd)
		p.must(unix.Connect(fd, address)) // waits while the backlog is full
		if len(open) > held {
			closeOldest()
		}
	}
	during := restarts(t, s.next())
	s.finally(stateOf(true, true, "", during+2, 0))
	for len(open) > 0 {
		closeOldest()
	}
	after := restarts(t, s.next())
	s.finally(stateOf(true, true, "", after+1, 0))
	if got := r.connect().next(); restarts(t, got) < after {
		t.Errorf("a client that comes later gets %s", got)
	}
	if count := r.named(supervisorName); len(count) != 1 {
		t.Errorf("the supervisors are %v", count)
	}
	r.end()
}

// TestContractClientThatNeverReads stalls neither the container nor others, nor
// the end for long; one that reads late gets whole events and the newest state.
func TestContractClientThatNeverReads(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("always")).shell(deaf)
	s, never, late, gone := r.connect(), r.connect(), r.connect(), r.connect()
	s.gets(isUp)
	r.ready()
	const floods = 4000 // a state each, more than a socket's buffers hold
	for range floods {
		s.command("stop")
		s.next()
	}
	gone.conn.Close() // in the middle of an event
	s.gets(isStopping)
	begun := time.Now()
	s.command("kill")
	s.finally(wasKilled)
	if took := time.Since(begun); took > testkit.Slow(2*time.Second) {
		t.Errorf("with clients that don't read a kill takes %v", took)
	}
	late.finally(wasKilled)
	begun = time.Now()
	s.command("exit")
	s.ends(wasKilled)
	late.ends(wasKilled)
	r.want(0)
	if took := time.Since(begun); took > testkit.Slow(3*time.Second) {
		t.Errorf("with clients that don't read an exit takes %v", took)
	}
	for { // what it had in its buffers is whole as far as it goes
		if _, err := never.event(); err != nil {
			break
		}
	}
}

// TestContractThousandClients: each of them gets each end.
func TestContractThousandClients(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("always")).start("sleep", "1000")
	clients := make([]*stream, 1000)
	for i := range clients {
		clients[i] = r.connect()
	}
	clients[0].gets(isUp)
	r.signal(syscall.SIGTERM)
	for _, s := range clients {
		s.ends(wasStopped)
	}
	r.want(0)
}

// TestContractForeignUser: nobody but the owner and root may connect, whatever
// the socket's mode has become.
func TestContractForeignUser(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	r := newPlace(t, policy("no")).start("sleep", "1000")
	s := r.connect()
	s.gets(isUp)
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{{0o600, "true\n"}, {0o666, `""`}} {
		if c.mode != 0o600 {
			r.must(os.Chmod(r.path("control"), c.mode))
		}
		folder, err := os.Open(r.dir)
		r.must(err)
		cmd := &exec.Cmd{
			Path: "/proc/self/exe", Args: []string{helperName, "foreign-client"}, ExtraFiles: []*os.File{folder},
			SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}},
		}
		out, _ := cmd.Output() // its exit code says no more
		folder.Close()
		if string(out) != c.want {
			t.Errorf("with mode %v a foreign user gets %s, want %s", c.mode, out, c.want)
		}
	}
	s.silent(100 * time.Millisecond)
	r.end()
}
