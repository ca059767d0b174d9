package kernel_test

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// listeners are two children that write down each signal and end of none.
var listeners = fmt.Sprintf(`
  app: !Supervise
    kill-unresponsive-after: %g
    children:
      a: !Command {container: h, run: [./helper, log, a]}
      b: !Command {container: h, run: [./helper, log, b]}
  patient: !Supervise
    kill-unresponsive-after: 60
    children:
      a: !Command {container: h, run: [./helper, log, a]}
      b: !Command {container: h, run: [./helper, log, b]}
`, (700*time.Millisecond + testkit.Slow(300*time.Millisecond)).Seconds())

var listening = []string{"a.ready", "b.ready"}

// heard waits until both listeners have written down a text.
func (r *running) heard(text string) {
	r.t.Helper()
	until(r.t, 10*time.Second, "both children have "+text, func() bool {
		return strings.Contains(r.read("a"), text) && strings.Contains(r.read("b"), text)
	})
}

// TestSignalInStart sends TERM at all moments of the start. The commands have
// default handlers and a long grace: one that missed its TERM would show.
func TestSignalInStart(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
  app: !Supervise
    kill-unresponsive-after: 60
    children:
      a: !Command {container: h, run: [sleep, 1000]}
      b: !Command {container: h, run: "sleep 1000"}
      c: !Command {container: h, run: "trap 'exit 0' TERM; sleep 1000 & wait"}
`)
	for _, delay := range testkit.Moments(testkit.Rounds(t, 60), 30*time.Millisecond) {
		r := p.start(nil, "app")
		time.Sleep(delay)
		r.signal(syscall.SIGTERM)
		r.want(143, 10*time.Second)
	}
}

// TestEndingSignals: each child gets exactly one, and the result says which.
func TestEndingSignals(t *testing.T) {
	for _, test := range []struct {
		send  syscall.Signal
		child string // what each child gets
		code  int
	}{
		{syscall.SIGINT, "SIGINT\n", 130},
		{syscall.SIGQUIT, "SIGQUIT\n", 131},
		{syscall.SIGTERM, "SIGTERM\nSIGCONT\n", 143},
		{syscall.SIGHUP, "SIGTERM\nSIGCONT\n", 129},
	} {
		t.Run(test.send.String(), func(t *testing.T) {
			t.Parallel()
			r := newProject(t, listeners).start(nil, "app")
			r.appear(listening...)
			r.signal(test.send)
			r.want(test.code, 10*time.Second)
			for _, child := range []string{"a", "b"} {
				if got := r.read(child); sorted(got) != sorted(test.child) {
					t.Errorf("child %s got %q, want %q", child, got, test.child)
				}
			}
			r.says("killed what did not end in time: a, b")
		})
	}
}

// sorted makes signals comparable: the order in which a process sees several
// that are pending is the kernel's.
func sorted(lines string) string {
	if lines == "SIGCONT\nSIGTERM\n" {
		return "SIGTERM\nSIGCONT\n"
	}
	return lines
}

// TestSecondSignal kills at once, and further ones change nothing.
func TestSecondSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := newProject(t, listeners).start(nil, "patient")
			r.appear(listening...)
			r.signal(sig)
			until(t, 10*time.Second, "the message", func() bool { return strings.Contains(r.errors(), "a second one kills") })
			for range 3 { // it may be gone before the last ones
				_ = r.cmd.Process.Signal(sig)
			}
			r.want(128+int(sig), 10*time.Second)
			r.says("again: killing what is left")
		})
	}
}

// TestZeroIsNoExcuse: children that exit with 0 do not hide the signal.
func TestZeroIsNoExcuse(t *testing.T) {
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    children:
      a: !Command {container: h, run: "trap 'exit 0' TERM INT; touch a.ready; sleep 1000 & wait"}
      b: !Command {container: h, run: "trap 'exit 0' TERM INT; touch b.ready; sleep 1000 & wait"}
`).start(nil, "app")
			r.appear(listening...)
			r.signal(sig)
			r.want(code, 10*time.Second)
		})
	}
}

// TestPassedSignals do not end the group.
func TestPassedSignals(t *testing.T) {
	t.Parallel()
	r := newProject(t, listeners).start(nil, "app")
	r.appear(listening...)
	for _, sig := range []struct {
		sig  syscall.Signal
		name string
	}{{syscall.SIGUSR1, "SIGUSR1\n"}, {syscall.SIGUSR2, "SIGUSR2\n"}, {syscall.SIGWINCH, "SIGWINCH\n"}} {
		r.signal(sig.sig)
		r.heard(sig.name)
	}
	if got, want := r.read("a"), "SIGUSR1\nSIGUSR2\nSIGWINCH\n"; got != want {
		t.Errorf("child a got %q, want %q", got, want)
	}
	r.signal(syscall.SIGTERM)
	r.want(143, 10*time.Second)
}

// TestStopAndContinue: Ctrl-Z stops lanyard and the children, fg continues all.
func TestStopAndContinue(t *testing.T) {
	t.Parallel()
	r := newProject(t, `
  app: !Supervise
    children:
      a: !Command {container: h, run: [sleep, 1000]}
      b: !Command {container: h, run: [sleep, 1001]}
`).start(nil, "app")
	states := func(want string) func() bool {
		return func() bool {
			self, _ := testkit.Look(r.cmd.Process.Pid)
			commands := r.named("sleep")
			return strings.IndexByte(want, self.State) >= 0 && len(commands) == 2 &&
				strings.IndexByte(want, commands[0].State) >= 0 && strings.IndexByte(want, commands[1].State) >= 0
		}
	}
	until(t, 10*time.Second, "lanyard and both commands run", states("SR"))
	for range 3 {
		r.signal(syscall.SIGTSTP)
		until(t, 10*time.Second, "all are stopped", states("T"))
		r.signal(syscall.SIGCONT)
		until(t, 10*time.Second, "all run again", states("SR"))
	}
	r.signal(syscall.SIGTSTP)
	until(t, 10*time.Second, "all are stopped", states("T"))
	r.signal(syscall.SIGTERM) // pending until lanyard is continued
	r.signal(syscall.SIGCONT)
	r.want(143, 10*time.Second)
}

// TestKillStopped: lanyard is killed while all are stopped.
func TestKillStopped(t *testing.T) {
	t.Parallel()
	r := newProject(t, listeners).start(nil, "app")
	r.appear(listening...)
	r.signal(syscall.SIGTSTP)
	until(t, 10*time.Second, "lanyard is stopped", func() bool {
		self, _ := testkit.Look(r.cmd.Process.Pid)
		return self.State == 'T'
	})
	r.signal(syscall.SIGKILL)
	r.want(137, 5*time.Second)
}

// TestIgnoredSignals: what nohup ignores stays ignored, and whatever is blocked
// when lanyard starts, it hears what it has to.
func TestIgnoredSignals(t *testing.T) {
	t.Parallel()
	r := newProject(t, listeners).start(func(c *exec.Cmd) {
		c.Args = append([]string{helperName, "odd-signals"}, c.Args...)
	}, "patient")
	r.appear(listening...)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1} {
		r.signal(sig)
	}
	r.heard("SIGUSR1\n")
	if got := r.read("a"); got != "SIGUSR1\n" {
		t.Errorf("child a got %q, want SIGUSR1 alone", got)
	}
	r.signal(syscall.SIGTERM)
	r.heard("SIGTERM\n")
	r.signal(syscall.SIGTERM)
	r.want(143, 10*time.Second)
}
