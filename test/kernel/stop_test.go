package kernel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestStopWithoutHandler: a command is never PID 1, so TERM works on one that
// has no handler.
func TestStopWithoutHandler(t *testing.T) {
	t.Parallel()
	r := newProject(t, `
  app: !Supervise
    kill-unresponsive-after: 60
    children:
      first: !Command {container: h, run: "touch ready; while ! test -e go; do sleep 0.01; done; exit 3"}
      a: !Command {container: h, run: [sleep, 1000]}
      b: !Command {container: h, run: "while :; do sleep 1; done"}
`).start(nil, "app")
	r.appear("ready")
	until(t, 10*time.Second, "the commands", func() bool { return len(r.named("sleep")) > 0 })
	r.write("go", "")
	r.want(3, 10*time.Second)
}

// TestKillUnresponsive is not parallel: it looks at times.
func TestKillUnresponsive(t *testing.T) {
	for _, least := range []time.Duration{0, 400*time.Millisecond + testkit.Slow(300*time.Millisecond), 2 * time.Second} {
		grace := fmt.Sprint(least.Seconds())
		t.Run(grace, func(t *testing.T) {
			r := newProject(t, fmt.Sprintf(`
  app: !Supervise
    kill-unresponsive-after: %s
    children:
      good: !Command {container: h, run: "touch ready.good; exec sleep 1000"}
      deaf: !Command {container: h, run: "trap '' TERM; touch ready.deaf; sleep 1000"}
`, grace)).start(nil, "app")
			r.appear("ready.good", "ready.deaf")
			begin := time.Now()
			r.signal(syscall.SIGTERM)
			code := r.wait(20 * time.Second)
			took := time.Since(begin)
			if code != 143 {
				t.Errorf("exit code %d, want 143", code)
			}
			if most := least + testkit.Slow(time.Second); took < least || took > most {
				t.Errorf("it took %v to end, want %v to %v", took, least, most)
			}
			r.nothingLeft()
			r.says("killed what did not end in time: ", "deaf was killed by lanyard")
			if least > 0 && strings.Contains(r.errors(), "good was killed by lanyard") {
				t.Errorf("good was killed although it had ended\n%s", r.errors())
			}
		})
	}
}

// freezer is a cgroup that freezes what is moved into it.
type freezer struct{ folder, file, freeze, thaw string }

// newFreezer makes one, of v1 (which holds even KILL back) or v2, if this
// machine has that kind.
func newFreezer(t *testing.T, v1 bool) (f freezer, ok bool) {
	t.Helper()
	f = freezer{file: "freezer.state", freeze: "FROZEN", thaw: "THAWED"}
	roots := []string{"/sys/fs/cgroup/freezer"}
	if !v1 {
		f = freezer{file: "cgroup.freeze", freeze: "1", thaw: "0"}
		roots = []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}
	}
	for _, root := range roots {
		f.folder = filepath.Join(root, fmt.Sprintf("kernel-test-%d", os.Getpid()))
		if os.Mkdir(f.folder, 0o755) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(f.folder, f.file)); err != nil {
			_ = os.Remove(f.folder)
			continue
		}
		t.Cleanup(func() {
			f.set(t, f.thaw)
			until(t, 5*time.Second, "the freezer can be removed", func() bool { return os.Remove(f.folder) == nil })
		})
		return f, true
	}
	return f, false
}

func (f freezer) set(t *testing.T, state string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.folder, f.file), []byte(state), 0o644); err != nil {
		t.Error(err)
	}
}

func (f freezer) add(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
		t.Fatal(err)
	}
}

const sleeper = `
  app: !Supervise
    kill-unresponsive-after: 0.2
    children:
      cold: !Command {container: h, run: "touch ready; exec sleep 1000"}
`

// waiter has a handler for TERM.
const waiter = `
  app: !Supervise
    kill-unresponsive-after: 0.5
    children:
      cold: !Command {container: h, run: "trap 'exit 3' TERM; touch ready; while :; do sleep 0.1; done"}
`

// TestFrozen has a container that somebody else froze. Each machine has v1's
// freezer, v2's, or both.
func TestFrozen(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	v1, hasV1 := newFreezer(t, true)
	v2, hasV2 := newFreezer(t, false)
	if !hasV1 && !hasV2 {
		t.Fatal("this machine has no freezer at all (Linux 5.2 has one in every cgroup of v2)")
	}
	if hasV1 {
		frozenV1(t, v1)
	}
	if hasV2 {
		frozenV2(t, v2)
	}
}

// startFrozen starts a group whose only command is frozen.
func startFrozen(t *testing.T, f freezer, commands, name string) *running {
	t.Helper()
	r := newProject(t, commands).start(nil, "app")
	r.appear("ready")
	until(t, 10*time.Second, "the command", func() bool { return len(r.named(name)) == 1 })
	f.add(t, r.named(name)[0].PID)
	f.set(t, f.freeze)
	return r
}

// frozenV1: nobody can end it. Lanyard says so, waits without spinning, and
// ends with the thaw.
func frozenV1(t *testing.T, f freezer) {
	r := startFrozen(t, f, sleeper, "sleep")
	r.signal(syscall.SIGTERM)
	until(t, 15*time.Second, "the report", func() bool { return strings.Contains(r.errors(), "cold is still not gone") })
	r.says("killed what did not end in time: cold", "is frozen by the cgroup "+f.folder, "echo THAWED > "+f.folder+"/freezer.state")
	before := cpuTime(t, r.cmd.Process.Pid)
	window := time.NewTimer(1500 * time.Millisecond)
	<-window.C // what is measured is the time in which nothing happens
	if used := cpuTime(t, r.cmd.Process.Pid) - before; used > 100*time.Millisecond {
		t.Errorf("lanyard used %v of processor time in 1.5 s of waiting", used)
	}
	r.signal(syscall.SIGINT)
	r.signal(syscall.SIGINT)
	select {
	case <-r.ended:
		t.Error("lanyard ended while a child was alive")
	default:
	}
	f.set(t, f.thaw)
	r.want(143, 10*time.Second)
}

// frozenV2: a frozen process can be killed there, also by a TERM that it has no
// handler for. One that has is told of, because it can't run it.
func frozenV2(t *testing.T, f freezer) {
	r := startFrozen(t, f, waiter, "sh")
	r.signal(syscall.SIGTERM)
	r.want(143, 5*time.Second)
	r.says("cold can't end: process ", "is frozen by the cgroup "+f.folder+"; thaw it: echo 0 > "+f.folder+"/cgroup.freeze")
}

// cpuTime is what a process has used so far, user and system, in steps of 10 ms
// (proc_pid_stat(5)).
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
