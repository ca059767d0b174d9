package container

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/stage"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// isKeeper says whether PID 1 of a container is the keeper by now, and has given
// itself its name, which the execution took from it. Who runs its own user namespace
// may not look at its program: then its one thread tells.
func isKeeper(t *testing.T, pid int) bool {
	t.Helper()
	exe, err := os.Readlink(procPath(pid, "exe"))
	executed := strings.Contains(exe, "memfd:lanyard-init")
	if errors.Is(err, os.ErrPermission) {
		var threads []os.DirEntry
		threads, err = os.ReadDir(procPath(pid, "task"))
		executed = len(threads) == 1
	}
	if err != nil {
		t.Fatal(err)
	}
	name, err := os.ReadFile(procPath(pid, "comm"))
	return executed && err == nil && string(name) == stage.Argv0+"\n"
}

// keptBox starts a container, and waits until its command has written "ready" and
// the keeper is its PID 1.
func keptBox(t *testing.T, script string, change func(*Spec)) (c *Container, events <-chan Event, output func() string) {
	t.Helper()
	spec, out := shellSpec(t, script)
	if change != nil {
		change(spec)
	}
	run := runIn(t.TempDir())
	t.Cleanup(func() {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	})
	c, events = start(t, NewEngine(run), spec)
	if ev := <-events; ev.Kind != Started {
		t.Fatalf("%+v", ev)
	}
	t.Cleanup(c.Kill)
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return isKeeper(t, c.pid) }) {
		t.Fatal("the stage is still PID 1 after 10 s")
	}
	output = contents(t, out)
	awaitOutput(t, output, "ready\n")
	return c, events, output
}

// contents reads a file again at each call.
func contents(t *testing.T, file *os.File) func() string {
	return func() string {
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// awaitOutput waits until the command has written text.
func awaitOutput(t *testing.T, output func() string, text string) {
	t.Helper()
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return strings.Contains(output(), text) }) {
		t.Fatalf("the command has not written %q after 10 s, but %q", text, output())
	}
}

// TestKeeperTellsTheEnd: every way in which a command may end.
func TestKeeperTellsTheEnd(t *testing.T) {
	for script, want := range map[string]syscall.WaitStatus{
		"exit 0": 0, "exit 7": 7 << 8, "exit 255": 255 << 8,
		"kill -9 $$": 9, "kill -TERM $$": 15, "kill -34 $$": 34, "ulimit -c 0; kill -SEGV $$": 11,
	} {
		for _, siblings := range []bool{false, true} {
			c, events, _ := keptBox(t, "trap '"+script+"' USR1; echo ready; while :; do sleep 0.01; done", func(s *Spec) { s.Stage.Siblings = siblings })
			c.Signal(unix.SIGUSR1, stage.ToCommand)
			list := ended(t, events)
			if exited := kindOf(list, Exited); exited.Status != want || kindOf(list, Gone).Status != 0 || kindOf(list, Gone).Err != nil {
				t.Errorf("%s: %+v, want the status %#x", script, list, want)
			}
		}
	}
}

// TestKeeperSignals: those for the process group come through it, and TERM and HUP
// wake who is stopped.
func TestKeeperSignals(t *testing.T) {
	const script = `
trap 'echo sig INT' INT
trap 'echo sig TERM' TERM
trap 'echo sig HUP' HUP
(trap 'echo child USR2' USR2; trap '' INT TERM HUP; echo child is up; while :; do sleep 0.01; done) &
trap '' USR2
echo ready
while :; do sleep 0.01; done`
	c, events, output := keptBox(t, script, nil)
	awaitOutput(t, output, "child is up\n")
	c.Signal(unix.SIGUSR2, stage.ToGroup)
	awaitOutput(t, output, "child USR2\n")
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		c.message(stage.SignalFrame(int(sig), stage.ToCommand))
		awaitOutput(t, output, "sig "+strings.TrimPrefix(unix.SignalName(sig), "SIG")+"\n")
	}
	c.message(stage.SignalFrame(int(unix.SIGSTOP), stage.ToGroup))
	c.message(stage.SignalFrame(int(unix.SIGINT), stage.ToGroup))
	time.Sleep(100 * time.Millisecond)
	if n := strings.Count(output(), "sig INT"); n != 1 {
		t.Errorf("a stopped command has written %q", output())
	}
	c.message(stage.SignalFrame(int(unix.SIGTERM), stage.ToGroup))
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool {
		return strings.Count(output(), "sig TERM") == 2 && strings.Count(output(), "sig INT") == 2
	}) {
		t.Fatalf("TERM does not wake a stopped command: %q", output())
	}
	// More at once than what it reads at once.
	c.mu.Lock()
	socket := c.socket
	c.mu.Unlock()
	var many []byte
	for range 500 {
		many = append(many, stage.SignalFrame(int(unix.SIGCONT), stage.ToCommand)...)
	}
	if _, err := unix.Write(socket, append(many, stage.SignalFrame(int(unix.SIGKILL), stage.ToCommand)...)); err != nil {
		t.Fatal(err)
	}
	if list := ended(t, events); kindOf(list, Exited).Status != 9 {
		t.Errorf("%+v", list)
	}
}

// TestKeeperReaps: orphans become zombies of nobody's, also stopped ones, and a
// thousand at once; the command's stops are told where that was asked for.
func TestKeeperReaps(t *testing.T) {
	const script = `
trap 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (sleep 0.01 & sleep 0.02 & :); done; (sleep 1000 & kill -STOP $!; kill -9 $!); echo made' USR1
trap 'grep -h "^State" /proc/[0-9]*/status | grep -c Z; echo counted' USR2
echo ready
while :; do sleep 0.01; done`
	for _, tells := range []bool{false, true} {
		c, events, output := keptBox(t, script, func(s *Spec) { s.Stage.JobControl = tells })
		c.Signal(unix.SIGUSR1, stage.ToCommand)
		awaitOutput(t, output, "made\n")
		if !testkit.Until(testkit.Slow(5*time.Second), func() bool { // the orphans end within milliseconds
			before := strings.Count(output(), "counted\n")
			c.Signal(unix.SIGUSR2, stage.ToCommand)
			counted := func() bool { return strings.Count(output(), "counted\n") > before }
			return testkit.Until(testkit.Slow(5*time.Second), counted) && strings.HasSuffix(output(), "\n0\ncounted\n")
		}) {
			t.Errorf("zombies: %q", output())
		}
		c.Signal(unix.SIGSTOP, stage.ToCommand)
		if tells {
			if ev := <-events; ev.Kind != Stopped || ev.Status.StopSignal() != unix.SIGSTOP {
				t.Errorf("%+v", ev)
			}
		}
		c.Signal(unix.SIGKILL, stage.ToCommand)
		if list := ended(t, events); len(list) != 2 || list[0].Kind != Exited || list[0].Status != 9 {
			t.Errorf("%+v", list)
		}
	}
}

// TestKeeperDiesWithItsSupervisor: at the end of the socket, and of a frame that
// none of ours sends.
func TestKeeperDiesWithItsSupervisor(t *testing.T) {
	for name, end := range map[string]func(c *Container){
		"the socket's end": func(c *Container) { _ = unix.Shutdown(c.socket, unix.SHUT_RDWR) },
		"a frame too long": func(c *Container) { c.transmit([]byte{'K', 3, 0, 0, 0, 1, 0, 0}) },
	} {
		c, events, _ := keptBox(t, "echo ready; while :; do sleep 0.01; done", nil)
		c.mu.Lock()
		end(c)
		c.mu.Unlock()
		if list := ended(t, events); kindOf(list, Gone).Kind != Gone || kindOf(list, Exited).Kind == Exited {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// TestKeeperIsSmall: what every container of a group costs.
func TestKeeperIsSmall(t *testing.T) {
	testkit.Require(t, testkit.Root)
	c, events, _ := keptBox(t, "echo ready; exec sleep 1000", nil)
	tiny(t, c.pid, stage.Argv0)
	c.Kill()
	ended(t, events)
}

// TestNoKeeper: where the machine allows no program without a file, the stage goes
// on as it is.
func TestNoKeeper(t *testing.T) {
	run := runIn(t.TempDir())
	for try := range 20 {
		spec, out := shellSpec(t, "trap 'exit 5' USR1; echo ready; while :; do sleep 0.01; done")
		c, events := start(t, NewEngine(run), spec)
		if ev := <-events; ev.Kind != Started {
			t.Fatalf("%+v", ev)
		}
		err := unix.Prlimit(c.pid, unix.RLIMIT_FSIZE, &unix.Rlimit{}, nil) // it can't write the keeper's file
		time.Sleep(testkit.Slow(400 * time.Millisecond))
		if kept := isKeeper(t, c.pid); err != nil || kept {
			c.Kill()
			ended(t, events)
			if err != nil && !errors.Is(err, unix.EPERM) {
				t.Fatal(err)
			}
			t.Logf("try %d: the limit came too late: %v", try, err)
			continue
		}
		awaitOutput(t, contents(t, out), "ready\n")
		c.Signal(unix.SIGUSR1, stage.ToGroup)
		if list := ended(t, events); kindOf(list, Exited).Status != 5<<8 {
			t.Errorf("%+v", list)
		}
		if err := run.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	t.Fatal("20 starts were too quick to be held up")
}

// TestKeeperStopThatIsOvertaken: a command that is killed after it was seen stopped,
// and before that was acted on, has ended all the same.
func TestKeeperStopThatIsOvertaken(t *testing.T) {
	testkit.Require(t, testkit.Root) // for strace, of a process that nobody may look into
	strace := testkit.RequireTool(t, "strace")
	for _, tells := range []bool{false, true} {
		c, events, _ := keptBox(t, "echo ready; exec sleep 1000", func(s *Spec) { s.Stage.JobControl = tells })
		log := filepath.Join(t.TempDir(), "strace")
		tracer := exec.Command(strace, "-p", strconv.Itoa(c.pid), "-o", log, "-e", "trace=waitid,wait4", "-e", "inject=waitid,wait4:delay_enter=200000")
		if err := tracer.Start(); err != nil {
			t.Fatal(err)
		}
		calls := func() int { // each is written when it has been made
			text, _ := os.ReadFile(log)
			return strings.Count(string(text), "}, WNOHANG|WEXITED")
		}
		if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return traced(c.pid) }) {
			t.Fatal("strace does not trace after 10 s")
		}
		c.Signal(unix.SIGSTOP, stage.ToCommand)
		if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return calls() > 0 }) { // what takes the stop waits for 200 ms
			t.Fatal("the keeper has not seen the stop after 10 s")
		}
		c.Signal(unix.SIGKILL, stage.ToCommand)
		if list := ended(t, events); kindOf(list, Exited).Status != 9 {
			t.Errorf("%+v", list)
		}
		if err := tracer.Wait(); err != nil {
			t.Log(err)
		}
	}
}

func traced(pid int) bool {
	text, err := os.ReadFile(procPath(pid, "status"))
	return err == nil && !strings.Contains(string(text), "TracerPid:\t0\n")
}
