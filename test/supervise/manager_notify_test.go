package supervise_test

import (
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// managed starts a supervisor as a service whose manager wants to be told how
// it goes.
func (p *place) managed(usec string, command ...string) (*testkit.Manager, *running) {
	p.t.Helper()
	m := testkit.NewManager(p.t)
	return m, p.launch(func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, m.Env(usec)...) }, p.words(command...)...)
}

// TestManagerIsTold: ready when the container is up, stopping when it was told
// to end; a stop of a client's is no end of the service.
func TestManagerIsTold(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("on-failure"))
	m, r := p.managed("", "/bin/sh", "-c", "env; trap 'exit 0' TERM; while :; do sleep 0.05; done")
	if told := m.Until("READY=1"); !slices.Contains(told, "STATUS=1 of 1 running") {
		t.Errorf("told %q", told)
	}
	c := r.dial()
	c.up()
	until(t, "env has printed", func() bool { return strings.Contains(r.output(), "HOME=/") })
	if strings.Contains(r.output(), "NOTIFY_SOCKET") {
		t.Errorf("the command has it:\n%s", r.output())
	}
	r.must(c.Stop())
	c.finished()
	if told := m.Until("STATUS=0 of 1 running"); slices.Contains(told, "STOPPING=1") {
		t.Errorf("told %q", told)
	}
	r.must(c.Exit())
	r.want(0)
	if told := m.Rest(); !slices.Contains(told, "STOPPING=1") {
		t.Errorf("told %q", told)
	}
}

// TestManagerIsToldOfTheEnd: TERM, which systemd sends to the main process.
func TestManagerIsToldOfTheEnd(t *testing.T) {
	t.Parallel()
	m, r := newPlace(t, policy("always")).managed("", "/bin/sleep", "1000")
	m.Until("READY=1")
	r.signal(syscall.SIGTERM)
	m.Until("STOPPING=1")
	r.want(0)
	if told := m.Rest(); len(told) > 1 || len(told) == 1 && told[0] != "STATUS=0 of 1 running, stopping" {
		t.Errorf("told %q after that", told)
	}
}

// TestManagerOfAFailedStart: a container that can't be started is a state, and
// the service is there to tell it.
func TestManagerOfAFailedStart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"restart": "sometimes"}`)
	m, r := p.managed("", "/bin/true")
	told := m.Until("READY=1")
	if !strings.Contains(strings.Join(told, "\n"), "STATUS=0 of 1 running; "+p.id+": agent.json:1:13: restart is") {
		t.Errorf("told %q", told)
	}
	r.must(r.dial().Exit())
	r.want(0)
}

// TestManagerOfARefusedStart: this one has nothing to serve, and is not ready.
func TestManagerOfARefusedStart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	p.write("control", "in the way")
	m, r := p.managed("", "/bin/true")
	if code := r.wait(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if told := m.Rest(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
	p.must(exec.Command("rm", p.path("control")).Run())
}

// TestManagersWatchdog: pings come through the loop, also while the container
// takes its time to end, and not while the supervisor is stopped.
func TestManagersWatchdog(t *testing.T) {
	t.Parallel()
	m, r := newPlace(t, `{}`).managed("400000", "/bin/sh", "-c", "trap : TERM; while :; do sleep 0.05; done")
	m.Until("READY=1")
	m.Until("WATCHDOG=1")
	r.signal(syscall.SIGSTOP)
	until(t, "it is stopped", func() bool { return testkit.Stopped(r.cmd.Process.Pid) })
	m.Rest()
	if text := m.Next(time.Second); text != "" {
		t.Errorf("a stopped supervisor says %q", text)
	}
	r.signal(syscall.SIGCONT)
	m.Until("WATCHDOG=1")
	r.signal(syscall.SIGTERM)
	m.Until("STOPPING=1")
	for range 3 {
		m.Until("WATCHDOG=1")
	}
	r.signal(syscall.SIGTERM)
	r.want(0)
}
