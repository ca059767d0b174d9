package kernel_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// crowd is a group whose children do what they can to stay: daemons by double
// fork and setsid that hold the pipes, deaf to TERM and HUP, and a stopped one.
// With limits there are cgroups, a run folder and a janitor too.
func crowd(limits string) string {
	return fmt.Sprintf(`
  app: !Supervise
    kill-unresponsive-after: 60
    children:
      plain: !Command {container: h, %[1]s run: "touch ready.plain; exec sleep 1000"}
      deaf: !Command
        container: h
        %[2]s
        run: |
          trap '' TERM HUP INT
          touch ready.deaf
          sleep 1000
      daemon: !Command
        container: h
        run: |
          trap '' TERM HUP
          (setsid sh -c 'sleep 1000 & touch ready.daemon; sleep 1000' &)
          sleep 1000
      stopped: !Command
        container: h
        %[2]s
        run: |
          sleep 1000 &
          kill -STOP $!
          touch ready.stopped
          kill -STOP $$
      logger: !Command {container: h, run: [./helper, log, log]}
`, comma(limits), limits)
}

func comma(limits string) string {
	if limits == "" {
		return ""
	}
	return limits + ","
}

var crowdReady = []string{"ready.plain", "ready.deaf", "ready.daemon", "ready.stopped", "log.ready"}

// kinds are the groups to kill: without anything outside their namespaces, and
// for whoever may make some with cgroups.
func kinds() map[string]string {
	k := map[string]string{"plain": ""}
	if testkit.MayMakeCgroups() {
		k["limits"] = "limits: {pids: 50, memory: 200MiB}"
	}
	return k
}

func TestKillIdle(t *testing.T) {
	for name, limits := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range testkit.Rounds(t, 6) {
				r := newProject(t, crowd(limits)).start(nil, "app")
				r.appear(crowdReady...)
				r.signal(syscall.SIGKILL)
				r.want(137, 5*time.Second)
			}
		})
	}
}

// TestKillMidStart kills lanyard at all moments of its start.
func TestKillMidStart(t *testing.T) {
	for name, limits := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, crowd(limits))
			for _, delay := range testkit.Moments(testkit.Rounds(t, 60), 40*time.Millisecond) {
				r := p.start(nil, "app")
				time.Sleep(delay)
				r.signal(syscall.SIGKILL)
				r.want(137, 5*time.Second)
			}
		})
	}
}

// TestKillMidStop kills lanyard while a child that ignores TERM is in its grace.
func TestKillMidStop(t *testing.T) {
	for name, limits := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range testkit.Rounds(t, 6) {
				r := newProject(t, crowd(limits)).start(nil, "app")
				r.appear(crowdReady...)
				r.signal(syscall.SIGTERM)
				until(t, 10*time.Second, "TERM in a child", func() bool { return strings.Contains(r.read("log"), "SIGTERM") })
				r.signal(syscall.SIGKILL)
				r.want(137, 5*time.Second)
			}
		})
	}
}

func TestKillFifty(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("  app: !Supervise\n    children:\n")
	for i := range 50 {
		fmt.Fprintf(&b, "      c%d: !Command {container: h, run: [sleep, %d]}\n", i, 1000+i)
	}
	r := newProject(t, b.String()).start(nil, "app")
	until(t, 30*time.Second, "50 commands", func() bool { return len(r.named("sleep")) == 50 })
	r.signal(syscall.SIGKILL)
	r.want(137, 5*time.Second)
}

// TestCrash is a supervisor that a fault or an abort ends: the Go runtime ends
// it then with a trace of its goroutines.
func TestCrash(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGSYS} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			for _, limits := range kinds() {
				r := newProject(t, crowd(limits)).start(nil, "app")
				r.appear(crowdReady...)
				r.signal(sig)
				if code := r.wait(20 * time.Second); code == 0 {
					t.Errorf("exit code 0 after %v", sig)
				}
				r.nothingLeft()
			}
		})
	}
}

// TestKillJanitor leaves the tidying to the supervisor's orderly exit.
func TestKillJanitor(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	r := newProject(t, crowd(kinds()["limits"])).start(nil, "app")
	r.appear(crowdReady...)
	r.killJanitor()
	r.signal(syscall.SIGTERM)
	until(t, 10*time.Second, "TERM in a child", func() bool { return strings.Contains(r.read("log"), "SIGTERM") })
	r.signal(syscall.SIGTERM)
	r.want(143, 10*time.Second)
}

// TestKillBoth leaves the tidying to the next start. It is not parallel: others
// would take what it leaves until then for theirs.
func TestKillBoth(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	for range testkit.Rounds(t, 3) {
		p := newProject(t, crowd(kinds()["limits"])+"  after: !Command {container: h, run: [\"true\"]}\n")
		r := p.start(nil, "app")
		r.appear(crowdReady...)
		r.killJanitor()
		r.signal(syscall.SIGKILL)
		if code := r.wait(5 * time.Second); code != 137 {
			t.Errorf("exit code %d, want 137", code)
		}
		next := p.start(r.sameFolder, "after")
		next.want(0, 10*time.Second)
		r.nothingLeft()
	}
}

// TestStopJanitorKillSupervisor: one that was stopped does nothing until the next
// start, which continues it. It is not parallel, as TestKillBoth.
func TestStopJanitorKillSupervisor(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	p := newProject(t, crowd(kinds()["limits"])+"  after: !Command {container: h, run: [\"true\"]}\n")
	r := p.start(nil, "app")
	r.appear(crowdReady...)
	kill(t, r.theJanitor(), syscall.SIGSTOP)
	r.signal(syscall.SIGKILL)
	r.wait(5 * time.Second)
	p.start(r.sameFolder, "after").want(0, 10*time.Second)
	r.nothingLeft()
}

// TestStopStagesKillSupervisor: inits that are stopped read no end of their socket,
// so it is their parent-death signal that ends them.
func TestStopStagesKillSupervisor(t *testing.T) {
	t.Parallel()
	r := newProject(t, crowd(kinds()["plain"])).start(nil, "app")
	r.appear(crowdReady...)
	for _, p := range r.named("lanyard-init") {
		kill(t, p.PID, syscall.SIGSTOP)
	}
	r.signal(syscall.SIGKILL)
	r.wait(5 * time.Second)
	r.nothingLeft()
}

// sameFolder has another lanyard find what this one left: a user's run folders
// are where XDG_RUNTIME_DIR says, which is another one for each start.
func (r *running) sameFolder(cmd *exec.Cmd) {
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+filepath.Dir(r.stdout))
}

func (r *running) killJanitor() {
	r.t.Helper()
	kill(r.t, r.theJanitor(), syscall.SIGKILL)
}

func (r *running) theJanitor() (pid int) {
	r.t.Helper()
	janitors := r.named("lanyard-janitor")
	if len(janitors) != 1 {
		r.t.Fatalf("%d janitors, want 1\n%s", len(janitors), r.log())
	}
	return janitors[0].PID
}
