package systemd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// service is the example of one container, called box.
type service struct {
	*units
	dir          string // of agent.json
	unit, socket string
}

// container installs the example, with its socket listening.
func container(t *testing.T, agent, script, more string) *service {
	t.Helper()
	testkit.Require(t, testkit.Systemd)
	u := install(t, t.TempDir(), more)
	s := &service{units: u, dir: filepath.Join(u.dir, "box"), unit: u.name + "@box.service", socket: u.name + "@box.socket"}
	s.must(os.Mkdir(s.dir, 0o755))
	testkit.MakeRoot(t, filepath.Join(u.dir, "root"))
	s.must(os.Symlink("../root", filepath.Join(s.dir, "rootfs")))
	for name, text := range map[string]string{
		"agent.json": strings.Replace(agent, "MARK", `"TEST_MARK": "`+strings.TrimPrefix(u.mark, "TEST_MARK=")+`"`, 1),
		"command":    "COMMAND=/bin/sh /script\n", "../root/script": script,
	} {
		s.must(os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644))
	}
	s.ctl("start", s.socket)
	s.is(s.socket, "SubState=listening")
	s.is(s.unit, "ActiveState=inactive")
	return s
}

// dial connects, which starts the service, and gives the first state.
func (s *service) dial() (*client.Conn, client.State) {
	s.t.Helper()
	c, err := client.Dial(s.t.Context(), s.dir)
	s.must(err)
	s.t.Cleanup(func() { c.Close() })
	defer time.AfterFunc(bound, func() { c.Close() }).Stop()
	state, err := c.Next()
	if err != nil {
		status, _ := s.try("systemctl", "status", "--full", "--lines=50", s.unit)
		s.t.Fatalf("no state: %v\n%s", err, status)
	}
	return c, state
}

// deaf is a container that no TERM ends.
const deaf = "trap '' TERM\nwhile :; do sleep 0.1; done\n"

// TestSocketStartsTheService: whoever connects, and again after its end; the
// socket is the manager's all the time.
func TestSocketStartsTheService(t *testing.T) {
	s := container(t, `{"env": {"PATH": "/bin", MARK}}`, "exec sleep 1000\n", "")
	control := filepath.Join(s.dir, "control")
	before, err := os.Lstat(control)
	s.must(err)
	for range 2 {
		c, state := s.dial()
		if !state.Up {
			t.Fatalf("%+v", state)
		}
		s.has(s.unit, "ActiveState", "active")
		s.is(s.unit, "StatusText=1 of 1 running")
		group := s.show(s.unit, "ControlGroup")
		s.must(c.Kill())
		for state.Up {
			state, err = c.Next()
			s.must(err)
		}
		s.must(c.Exit())
		s.has(s.unit, "ActiveState", "inactive")
		s.result("success 0")
		s.is(s.socket, "SubState=listening")
		if after, err := os.Lstat(control); err != nil || !os.SameFile(before, after) {
			t.Errorf("the socket is another one: %v", err)
		}
		s.nothingLeft(group)
	}
	s.ctl("stop", s.socket)
	if exists(control) {
		t.Error("the socket is left")
	}
}

// TestStartAndStopOfTheService: active is up, and the container is ended in
// order.
func TestStartAndStopOfTheService(t *testing.T) {
	s := container(t, `{"env": {"PATH": "/bin", MARK}, "storage": {"volumes": {"/out": "OUT"}}}`, "", "")
	out := filepath.Join(s.units.dir, "out")
	s.must(os.Mkdir(out, 0o777))
	s.must(os.Chmod(out, 0o777))
	data, err := os.ReadFile(s.dir + "/agent.json")
	s.must(err)
	s.must(os.WriteFile(s.dir+"/agent.json", []byte(strings.Replace(string(data), "OUT", out, 1)), 0o644))
	s.must(os.WriteFile(s.dir+"/../root/script", []byte("env >/out/env\ntrap 'touch /out/ended; exit 0' TERM\ntouch /out/up\nwhile :; do sleep 0.1; done\n"), 0o644))
	s.ctl("start", s.unit)
	s.is(s.unit, "ActiveState=active", "StatusText=1 of 1 running")
	group := s.show(s.unit, "ControlGroup")
	s.until("it handles TERM", func() bool { return exists(out + "/up") })
	if below := "/sys/fs/cgroup" + group + "/harpoon/box"; !exists(below) {
		t.Errorf("the container's cgroup is not %s: what is set for the unit does not hold for it", below)
	}
	env, err := os.ReadFile(out + "/env")
	s.must(err)
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "COMMAND"} {
		if strings.Contains(string(env), name) {
			t.Errorf("the command has %s:\n%s", name, env)
		}
	}
	s.ctl("stop", s.unit)
	s.is(s.unit, "ActiveState=inactive")
	s.result("success 0")
	if !exists(out + "/ended") {
		t.Error("the container was not ended in order")
	}
	s.nothingLeft(group)
}

// TestContainerThatCannotStart: the service is there to tell why.
func TestContainerThatCannotStart(t *testing.T) {
	s := container(t, `{"restart": "sometimes"}`, "", "")
	s.ctl("start", s.unit)
	s.is(s.unit, "ActiveState=active")
	if text := s.show(s.unit, "StatusText"); !strings.Contains(text, "0 of 1 running; box: agent.json:1:13: restart is") {
		t.Errorf("the status is %q", text)
	}
	if _, state := s.dial(); state.Up || !strings.Contains(state.Err, "restart is") {
		t.Errorf("%+v", state)
	}
	s.ctl("stop", s.unit)
	s.result("success 0")
}

// TestServiceThatDoesNotEnd: what is there after TimeoutStopSec is killed, the
// janitor too; then the next start removes what it would have.
func TestServiceThatDoesNotEnd(t *testing.T) {
	s := container(t, `{"env": {"PATH": "/bin", MARK}}`, deaf, stopTime+"\nRestart=no")
	s.killed(func() { s.ctl("stop", s.unit) }, "timeout KILL")
}

// TestServiceThatHangs: a supervisor that is stopped misses its watchdog.
func TestServiceThatHangs(t *testing.T) {
	s := container(t, `{"env": {"PATH": "/bin", MARK}}`, deaf, watchTime+"\nRestart=no")
	s.killed(func() { s.stopMain(s.unit) }, "watchdog 2")
}

// TestServiceThatIsKilled: by kill -9 of the supervisor.
func TestServiceThatIsKilled(t *testing.T) {
	s := container(t, `{"env": {"PATH": "/bin", MARK}}`, deaf, "Restart=no")
	s.killed(func() { s.ctl("kill", "--kill-whom=main", "--signal=KILL", s.unit) }, "signal KILL")
}

// killed sees the service be killed: nothing that runs is left then, and
// nothing at all after the next one.
func (s *service) killed(kill func(), result string) {
	s.t.Helper()
	_, state := s.dial()
	if !state.Up {
		s.t.Fatalf("%+v", state)
	}
	s.has(s.unit, "ActiveState", "active")
	group := s.show(s.unit, "ControlGroup")
	s.until("the container is deaf", s.ignoresTERM)
	kill()
	s.has(s.unit, "ActiveState", "failed")
	s.result(result)
	s.nothingRuns(group)
	s.ctl("reset-failed", s.unit)
	s.is(s.socket, "SubState=listening")
	c, state := s.dial()
	if !state.Up {
		s.t.Fatalf("after that: %+v", state)
	}
	group = s.show(s.unit, "ControlGroup")
	s.must(c.Kill())
	for state.Up {
		var err error
		state, err = c.Next()
		s.must(err)
	}
	s.must(c.Exit())
	s.has(s.unit, "ActiveState", "inactive")
	s.nothingLeft(group)
}

// ignoresTERM says whether a command of the container does (proc_pid_status(5)).
func (s *service) ignoresTERM() bool {
	for _, pid := range testkit.Pids(s.mark) {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, _ := strings.Cut(string(data), "SigIgn:\t")
		text, _, _ := strings.Cut(rest, "\n")
		mask, err := strconv.ParseUint(text, 16, 64)
		if err == nil && mask&(1<<(syscall.SIGTERM-1)) != 0 {
			return true
		}
	}
	return false
}
