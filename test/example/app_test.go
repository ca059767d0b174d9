//go:build example

package example_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// How long a step may take on a busy machine before it counts as hanging.
const (
	buildWithin = 10 * time.Minute // of a root, from a slow mirror; 30 s are usual
	upWithin    = 60 * time.Second
	endWithin   = 15 * time.Second
	lostWithin  = 2 * time.Second // everything is gone once lanyard was killed
	pollEvery   = 50 * time.Millisecond
)

// TestMain gives all tests of a run one store, so that each root is built once, or
// the one in LANYARD_EXAMPLE_DATA, which is kept.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		data := os.Getenv("LANYARD_EXAMPLE_DATA")
		if data == "" {
			var err error
			if data, err = os.MkdirTemp("", "lanyard-example-"); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			defer removeStore(data)
		}
		os.Setenv("XDG_DATA_HOME", data)
		return m.Run()
	}())
}

// removeStore removes a folder with a store, which holds files of many ids.
func removeStore(data string) {
	cmd := exec.Command(binaryPath(), "_clean", "--unused", "--at-least", "0")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+data)
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot empty the store: %v\n%s", err, out)
	}
	if err := os.RemoveAll(data); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// app is one running lanyard, started in the example's folder.
type app struct {
	t    *testing.T
	mark string // MARK=… in the environment of all that it starts
	cmd  *exec.Cmd
	out  testkit.Buffer // both of its streams
	done chan struct{}  // closed once it has exited and its output is complete
}

// binaryPath is where the lanyard under test should be.
func binaryPath() string {
	if path := os.Getenv("LANYARD"); path != "" {
		return path
	}
	return "../../bin/lanyard"
}

// lanyardBinary returns the absolute path of the lanyard under test.
func lanyardBinary(t *testing.T) string {
	t.Helper()
	abs, err := filepath.Abs(binaryPath())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abs); err != nil {
		t.Fatalf("no lanyard to test (%v); build it, or name one in LANYARD", err)
	}
	return abs
}

// provide builds what is missing of the roots of a project.
func provide(t *testing.T, dir string) {
	t.Helper()
	start(t, dir, nil, "_build").endsWithin(0, buildWithin)
}

// start runs lanyard in dir with a mark and with vars (NAME=VALUE) in the
// environment of everything it starts, but for its own verbs. It is killed when
// the test ends.
func start(t *testing.T, dir string, vars []string, args ...string) *app {
	t.Helper()
	mark := "MARK=" + rand.Text()
	var words []string
	if !strings.HasPrefix(args[0], "_") {
		for _, v := range append([]string{mark}, vars...) {
			words = append(words, "-E", v)
		}
	}
	cmd := exec.Command(lanyardBinary(t), append(words, args...)...)
	cmd.Dir = dir
	return launch(t, cmd, mark)
}

// launch starts cmd, which is lanyard or becomes it, and kills it when the test
// ends. What it starts is known by mark.
func launch(t *testing.T, cmd *exec.Cmd, mark string) *app {
	t.Helper()
	a := &app{t: t, mark: mark, cmd: cmd, done: make(chan struct{})}
	a.cmd.Stdout = &a.out
	a.cmd.Stderr = &a.out
	// Whoever outlives lanyard holds its output: a failure to report, not to wait for.
	a.cmd.WaitDelay = 2 * time.Second
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(a.done)
		if err := a.cmd.Wait(); errors.Is(err, exec.ErrWaitDelay) {
			fmt.Fprintln(&a.out, "(a process still holds lanyard's output)")
		}
	}()
	t.Cleanup(func() {
		a.cmd.Process.Kill()
		<-a.done
		for _, p := range a.processes() {
			syscall.Kill(p.pid, syscall.SIGKILL) // a failed test, or it would not be there
		}
		if t.Failed() {
			t.Logf("output of %v:\n%s", a.cmd.Args, a.out.String())
		}
	})
	return a
}

// poll calls done until it returns nil, and fails the test with its last error
// when that takes too long or the app ends meanwhile.
func (a *app) poll(what string, done func() error) {
	a.t.Helper()
	a.pollFor(upWithin, what, done)
}

// pollFor is poll with a limit of its own.
func (a *app) pollFor(limit time.Duration, what string, done func() error) {
	a.t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-a.done:
			a.t.Fatalf("lanyard ended with %v before %s: %v", a.cmd.ProcessState, what, err)
		case <-deadline:
			a.t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
	}
}

// signal sends sig to lanyard.
func (a *app) signal(sig syscall.Signal) {
	a.t.Helper()
	if err := a.cmd.Process.Signal(sig); err != nil {
		a.t.Fatalf("cannot send %v to lanyard: %v", sig, err)
	}
}

// ends waits for lanyard's exit and checks its status, and that nothing it
// started is left.
func (a *app) ends(status int) {
	a.t.Helper()
	a.endsWithin(status, endWithin)
}

func (a *app) endsWithin(status int, within time.Duration) {
	a.t.Helper()
	select {
	case <-a.done:
	case <-time.After(within):
		a.t.Fatalf("lanyard has not ended within %v; still there: %v", within, a.processes())
	}
	if got := a.cmd.ProcessState.ExitCode(); got != status {
		a.t.Errorf("lanyard ended with %v, want exit status %d", a.cmd.ProcessState, status)
	}
	if left := a.processes(); len(left) > 0 {
		a.t.Errorf("lanyard has ended, but left %v", left)
	}
}

// closed checks that nobody listens at the port.
func closed(t *testing.T, port string) {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		conn.Close()
		t.Errorf("port %s is still open", port)
	} else if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("port %s: %v, want connection refused", port, err)
	}
}

// freePorts returns n ports that nobody listened at a moment ago.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only after the last one, so that all differ
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	return ports
}
