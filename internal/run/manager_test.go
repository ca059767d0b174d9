package run_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// managed is a project whose group app ends as mode says, one child with code.
func managed(mode, code string) string {
	return strings.NewReplacer("MODE", mode, "CODE", code).Replace(`
containers:
  box: {rootfs: ROOT}
commands:
  app: !Supervise
    mode: MODE
    kill-unresponsive-after: 60
    children:
      quick: !Command {container: box, run: "until test -e /work/quick; do sleep 0.02; done; exit CODE"}
      slow: !Command {container: box, run: "trap 'until test -e /work/end; do sleep 0.02; done; exit 0' TERM; touch /work/up; while :; do sleep 0.02; done"}
  done: !Command {container: box, run: "true"}
  one: !Command {container: box, run: "touch /work/up; exec sleep 1000"}
  bad: !Supervise
    children:
      good: !Command {container: box, run: "sleep 1000"}
      missing: !Command {container: box, run: [/no/such/program]}
`)
}

// service is a lanyard that a manager has started.
type service struct {
	*testkit.Manager
	t    *testing.T
	p    *testkit.Project
	cmd  *exec.Cmd
	out  bytes.Buffer
	over chan int
}

func newService(t *testing.T, yaml, usec string, args ...string) *service {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Slow(60*time.Second))
	t.Cleanup(cancel)
	s := &service{Manager: testkit.NewManager(t), t: t, p: testkit.NewProject(t, yaml), over: make(chan int, 1)}
	s.cmd = s.p.Command(ctx, args...)
	s.cmd.Env = append(s.cmd.Env, s.Env(usec)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		s.over <- s.cmd.ProcessState.ExitCode()
	}()
	return s
}

func (s *service) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) ends(code int) {
	s.t.Helper()
	if got := <-s.over; got != code {
		s.t.Errorf("exit code %d, want %d\n%s", got, code, s.out.String())
	}
}

// said checks that each of want is among what was told, once.
func (s *service) said(told []string, want ...string) {
	s.t.Helper()
	for _, text := range want {
		if i := slices.Index(told, text); i < 0 || slices.Contains(told[i+1:], text) {
			s.t.Errorf("%q is not told once in %q", text, told)
		}
	}
}

func has(told []string, text string) bool { return slices.Contains(told, text) }

// TestManagerOfAGroup: ready when all children are up, stopping when one has
// ended and others are still there.
func TestManagerOfAGroup(t *testing.T) {
	s := newService(t, managed("stop-on-failure", "3"), "", "app")
	told := s.Until("READY=1")
	s.said(told, "STATUS=2 of 2 running", "READY=1")
	if has(told, "STOPPING=1") {
		t.Errorf("told %q", told)
	}
	await(t, "the trap is set", func() bool { return exists(s.p.Path("up")) })
	s.p.Write("quick", "")
	told = s.Until("STOPPING=1")
	s.said(told, "STATUS=1 of 2 running, stopping")
	s.p.Write("end", "")
	s.ends(3)
	s.said(s.Rest(), "STATUS=0 of 2 running, stopping")
}

// TestManagerWaitsForAllSuccessful: a child that has done its work is no end.
func TestManagerWaitsForAllSuccessful(t *testing.T) {
	s := newService(t, managed("wait-all-successful", "0"), "", "app")
	s.Until("READY=1")
	s.p.Write("quick", "")
	if told := s.Until("STATUS=1 of 2 running"); has(told, "STOPPING=1") {
		t.Errorf("told %q", told)
	}
	await(t, "the trap is set", func() bool { return exists(s.p.Path("up")) })
	s.signal(syscall.SIGTERM)
	s.Until("STOPPING=1")
	s.p.Write("end", "")
	s.ends(143)
}

// await polls a condition, and fails after a time that is more than enough.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if limit := testkit.Slow(20 * time.Second); !testkit.Until(limit, condition) {
		t.Fatalf("%s: not so after %v", what, limit)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestManagerOfASingleCommand: ready when it runs.
func TestManagerOfASingleCommand(t *testing.T) {
	s := newService(t, managed("stop-on-failure", "3"), "", "one")
	s.said(s.Until("READY=1"), "STATUS=1 of 1 running", "READY=1")
	s.signal(syscall.SIGTERM)
	s.ends(143)
	s.said(s.Rest(), "STOPPING=1", "STATUS=0 of 1 running, stopping")
}

// TestManagerOfAFailedStart: never ready, and the status says why.
func TestManagerOfAFailedStart(t *testing.T) {
	s := newService(t, managed("stop-on-failure", "3"), "", "bad")
	s.ends(127)
	told := s.Rest()
	s.said(told, "STOPPING=1")
	if has(told, "READY=1") || !strings.Contains(strings.Join(told, "\n"), "; missing: execute /no/such/program") {
		t.Errorf("told %q", told)
	}
}

// TestManagerThatDoesNotRead: all in all it is waited for once, for a second.
func TestManagerThatDoesNotRead(t *testing.T) {
	m := testkit.NewManager(t)
	m.Fill()
	p := testkit.NewProject(t, managed("stop-on-failure", "3"))
	p.Env = m.Env("")
	begun := time.Now()
	r := p.Run("done")
	took := time.Since(begun)
	if r.Code != 0 || strings.Count(r.Err, "cannot tell the service manager how it goes: nobody reads") != 1 {
		t.Errorf("exit code %d:\n%s", r.Code, r.Err)
	}
	if limit := time.Second + testkit.Slow(1500*time.Millisecond); took > limit {
		t.Errorf("it took %v, want %v at most", took, limit)
	}
}

// TestManagersWatchdog: a lanyard that does not get on with its work is silent.
func TestManagersWatchdog(t *testing.T) {
	const usec, half = "400000", 200 * time.Millisecond
	const pings = 10
	begun := time.Now()
	s := newService(t, managed("stop-on-failure", "3"), usec, "one")
	s.Until("READY=1")
	for range pings { // those before READY are not counted
		s.Until("WATCHDOG=1")
	}
	if took := time.Since(begun); took < (pings-2)*half {
		t.Errorf("%d pings in %v, one is due every %v", pings, took, half)
	}
	s.signal(syscall.SIGSTOP)
	await(t, "it is stopped", func() bool { return testkit.Stopped(s.cmd.Process.Pid) })
	s.Rest()
	if text := s.Next(5 * half); text != "" {
		t.Errorf("a stopped lanyard says %q", text)
	}
	s.signal(syscall.SIGCONT)
	s.Until("WATCHDOG=1")
	s.signal(syscall.SIGTERM)
	s.ends(143)
}

// TestFillingAVolumeIsNotReady: only the command itself counts.
func TestFillingAVolumeIsNotReady(t *testing.T) {
	s := newService(t, `
containers:
  box:
    rootfs: ROOT
    volumes:
      /data: !Persistent {name: data, init-command: fill}
commands:
  fill: !Command {container: box, run: "touch /work/filling; until test -e /work/filled; do sleep 0.02; done"}
  main: !Command {container: box, run: "exec sleep 1000"}
`, "", "main")
	await(t, "the volume is being filled", func() bool { return exists(s.p.Path("filling")) })
	if told := s.Rest(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
	s.p.Write("filled", "")
	s.Until("READY=1")
	s.signal(syscall.SIGTERM)
	s.ends(143)
}

// TestManagersVariablesReachNoCommand: they are lanyard's, whichever way they
// could have got in; what a container's environ says is its own.
func TestManagersVariablesReachNoCommand(t *testing.T) {
	p := testkit.NewProject(t, `
containers:
  box: {rootfs: ROOT, environ-file: /work/env}
  machine: {host: true}
  own: {rootfs: ROOT, environ: {NOTIFY_SOCKET: /run/mine, LISTEN_PORT: 80}}
commands:
  box: !Command {container: box, run: [env]}
  machine: !Command {container: machine, run: [env]}
  own: !Command {container: own, run: [env]}
  group: !Supervise
    children:
      env: !Command {container: box, run: [env]}
  init: !Command {container: box, run: "cat /proc/1/environ; echo $?"}
`)
	mine := []string{"NOTIFY_SOCKET=" + "/run/nobody", "WATCHDOG_USEC=1000000", "LISTEN_FDS=1", "LISTEN_FDNAMES=control", "LISTEN_PID=1", "LISTEN_PIDFDID=7", "WATCHDOG_PID=1"}
	p.Write("env", "FROM_FILE=yes\n"+strings.Join(mine, "\n")+"\n")
	p.Env = append(p.Env, mine...)
	for _, entry := range mine {
		p.Env = append(p.Env, "LANYARDENV_"+entry, "VAGGAENV_"+entry)
	}
	none := func(out string) {
		t.Helper()
		for _, entry := range mine {
			if name, _, _ := strings.Cut(entry, "="); strings.Contains(out, name+"=") {
				t.Errorf("%s is there:\n%s", name, out)
			}
		}
	}
	for _, command := range []string{"box", "group"} {
		out := p.OK(command)
		none(out)
		contains(t, command, out, "FROM_FILE=yes")
	}
	none(p.OK("machine"))
	none(p.OK("_run", "box", "env"))
	none(p.OK("init"))
	own := p.OK("own")
	contains(t, "own", own, "NOTIFY_SOCKET=/run/mine", "LISTEN_PORT=80")
	none(strings.ReplaceAll(own, "NOTIFY_SOCKET=/run/mine", ""))
	p.Fails(122, []string{"NOTIFY_SOCKET", "its environ"}, "-e", "NOTIFY_SOCKET", "box")
	p.Fails(122, []string{"LISTEN_FDS", "its environ"}, "-E", "LISTEN_FDS=1", "box")
}
