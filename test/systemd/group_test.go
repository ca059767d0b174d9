package systemd_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// app is a group that is up once its volume is filled, and ends as it is told.
const app = `
containers:
  box:
    rootfs: ROOT
    volumes:
      /data: !Persistent {name: data, init-command: fill}
commands:
  fill: !Command {container: box, run: "until test -e /work/filled; do sleep 0.1; done"}
  app: !Supervise
    kill-unresponsive-after: 1000
    children:
      one: !Command {container: box, run: "env >/work/env; trap 'touch /work/one-ended; exit 0' TERM; touch /work/one; while :; do sleep 0.1; done"}
      two: !Command {container: box, run: "until test -e /work/two; do sleep 0.1; done; rm /work/two; exit 3"}
      three: !Command {container: box, run: "if test -e /work/deaf; then trap '' TERM; fi; touch /work/three; while :; do sleep 0.1; done"}
`

// TestGroup: the example is active when all children are up and not before,
// says how many are, and stops in order.
func TestGroup(t *testing.T) {
	testkit.Require(t, testkit.Systemd)
	p := testkit.NewProject(t, app)
	u := install(t, p.Dir, "")
	unit := u.name + ".service"
	u.ctl("start", "--no-block", unit)
	u.has(unit, "ActiveState", "activating")
	u.until("lanyard fills the volume", func() bool { return len(testkit.Pids(u.mark)) > 0 })
	u.is(unit, "ActiveState=activating")
	p.Write("filled", "")
	u.has(unit, "ActiveState", "active")
	u.is(unit, "StatusText=3 of 3 running", "SubState=running")
	group := u.show(unit, "ControlGroup")
	u.until("all have begun", func() bool { return exists(p.Path("one")) && exists(p.Path("three")) })
	env, err := os.ReadFile(p.Path("env"))
	u.must(err)
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "INVOCATION_ID"} {
		if strings.Contains(string(env), name) {
			t.Errorf("a command has %s:\n%s", name, env)
		}
	}
	u.ctl("stop", unit)
	u.is(unit, "ActiveState=inactive")
	u.result("success 143")
	if !exists(p.Path("one-ended")) {
		t.Error("a child was not ended in order")
	}
	u.nothingLeft(group)
}

// TestGroupThatEnds: the unit's end is the group's.
func TestGroupThatEnds(t *testing.T) {
	u, p, unit := running(t, "Restart=no")
	group := u.show(unit, "ControlGroup")
	p.Write("two", "")
	u.has(unit, "ActiveState", "failed")
	u.result("exit-code 3")
	u.nothingLeft(group)
}

// TestGroupIsStartedAgain: as Restart= says.
func TestGroupIsStartedAgain(t *testing.T) {
	u, p, unit := running(t, "")
	p.Write("two", "")
	u.has(unit, "NRestarts", "1")
	u.until("it is up again", func() bool { return u.show(unit, "ActiveState") == "active" })
	u.ctl("stop", unit)
}

// running is a unit of app that is up.
func running(t *testing.T, more string) (*units, *testkit.Project, string) {
	t.Helper()
	testkit.Require(t, testkit.Systemd)
	p := testkit.NewProject(t, app)
	p.Write("filled", "")
	u := install(t, p.Dir, more)
	unit := u.name + ".service"
	u.ctl("start", unit)
	u.is(unit, "ActiveState=active")
	return u, p, unit
}

// TestGroupThatDoesNotEnd: what is there after TimeoutStopSec is killed.
func TestGroupThatDoesNotEnd(t *testing.T) {
	testkit.Require(t, testkit.Systemd)
	p := testkit.NewProject(t, app)
	p.Write("filled", "")
	p.Write("deaf", "")
	u := install(t, p.Dir, stopTime)
	unit := u.name + ".service"
	u.ctl("start", unit)
	u.until("the child is deaf", func() bool { return exists(p.Path("three")) })
	group := u.show(unit, "ControlGroup")
	u.ctl("stop", unit)
	u.is(unit, "ActiveState=failed")
	u.result("timeout KILL")
	u.nothingRuns(group)
	u.must(os.Remove(p.Path("deaf")))
	u.again(unit)
}

// TestGroupThatHangs: a lanyard that is stopped misses its watchdog.
func TestGroupThatHangs(t *testing.T) {
	u, p, unit := running(t, watchTime+"\nRestart=no")
	u.until("all have begun", func() bool { return exists(p.Path("three")) })
	group := u.show(unit, "ControlGroup")
	u.stopMain(unit)
	u.has(unit, "ActiveState", "failed")
	u.result("watchdog 2") // what a Go program makes of the ABRT (os/signal)
	u.nothingRuns(group)
	u.again(unit)
}

// again starts and stops a service that was killed: then nothing is left.
func (u *units) again(unit string) {
	u.t.Helper()
	u.ctl("start", unit)
	group := u.show(unit, "ControlGroup")
	u.ctl("stop", unit)
	u.result("success 143")
	u.nothingLeft(group)
}

// stopMain stops a unit's main process, as job control would.
func (u *units) stopMain(unit string) {
	u.t.Helper()
	pid, err := strconv.Atoi(u.show(unit, "MainPID"))
	u.must(err)
	if pid <= 1 {
		u.t.Fatalf("%s has no main process", unit)
	}
	u.must(syscall.Kill(pid, syscall.SIGSTOP))
}

// TestExamplesAreValid: systemd has nothing to say about the example units.
func TestExamplesAreValid(t *testing.T) {
	testkit.Require(t, testkit.Systemd)
	u := install(t, t.TempDir(), "")
	for _, unit := range []string{".service", "@box.service", "@box.socket"} {
		out, err := u.try("systemd-analyze", "verify", "--man=no", u.name+unit)
		if err != nil || strings.Contains(out, u.name) {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}
