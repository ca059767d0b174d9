package supervise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestContractRestart: what each policy does after each kind of end.
func TestContractRestart(t *testing.T) {
	for _, c := range []struct {
		restart, script, status string
		again                   bool
	}{
		{"no", "exit 0", exited0, false},
		{"no", "exit 3", exited3, false},
		{"no", "kill -KILL $$", byKill, false},
		{"no", "kill -TERM $$", byTerm, false},
		{"on-failure", "exit 0", exited0, false},
		{"on-failure", "exit 3", exited3, true},
		{"on-failure", "kill -KILL $$", byKill, true},
		{"always", "exit 0", exited0, true},
		{"always", "exit 3", exited3, true},
		{"always", "kill -KILL $$", byKill, true},
	} {
		t.Run(c.restart+"/"+strings.ReplaceAll(c.script, " ", ""), func(t *testing.T) {
			t.Parallel()
			r := newPlace(t, policy(c.restart)).shell("echo run; " + c.script)
			s := r.connect()
			s.finally(stateOf(false, c.again, c.status, 0, 0))
			if !c.again {
				s.silent(1500 * time.Millisecond)
				if got := r.output(); got != "run\n" {
					t.Errorf("the output is %q, want one run", got)
				}
			} else {
				s.finally(stateOf(false, true, c.status, 2, 0))
			}
			r.end()
		})
	}
}

// TestContractRestartDelay: one second is between an exit and the restart.
func TestContractRestartDelay(t *testing.T) {
	t.Parallel()
	r, starts := stamping(t, "true")
	s := r.connect()
	for restarts := range 4 {
		s.finally(stateOf(false, true, exited0, restarts, 0))
		begun := time.Now()
		for !strings.Contains(s.last, fmt.Sprintf(`"restarts":%d,`, restarts+1)) {
			s.next()
		}
		if took := time.Since(begun); took > testkit.Slow(2500*time.Millisecond) {
			t.Errorf("the restart came after %v, want 1 s", took)
		}
	}
	r.end()
	list := starts(4) // those whose end was told; the last one may be killed before it writes
	for i, at := range list[1:] {
		if took := at - list[i]; took < time.Second-stampStep {
			t.Errorf("from one start to the next it took %v, want 1 s at least", took)
		}
	}
}

// stampStep is the step of the times that stamping gives.
const stampStep = 10 * time.Millisecond

// stamping starts a container that is always restarted, whose command writes down
// when it begins, in time since boot (proc_uptime(5)), and then does what script
// says: a client hears of a state later than it is one.
func stamping(t *testing.T, script string) (r *running, starts func(least int) []time.Duration) {
	t.Helper()
	p := newPlace(t, "{}")
	folder := p.volume("times")
	p.write("agent.json", fmt.Sprintf(`{"env": {"PATH": "/bin"}, "restart": "always", "storage": {"volumes": {"/times": %q}}}`, folder))
	return p.shell("cat /proc/uptime >>/times/all; " + script), func(least int) (list []time.Duration) {
		text, err := os.ReadFile(filepath.Join(folder, "all"))
		p.must(err)
		for line := range strings.Lines(string(text)) {
			word, _, _ := strings.Cut(line, " ")
			at, err := time.ParseDuration(word + "s")
			p.must(err)
			list = append(list, at)
		}
		if len(list) < least {
			t.Fatalf("it began at %v, want that %d times at least", list, least)
		}
		return list
	}
}

// TestContractRestartThatFails: a command that is gone is a state at once, and
// the end of the restarts.
func TestContractRestartThatFails(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("always"))
	s := p.start("once").connect()
	if got := s.next(); !strings.Contains(got, `"err":"`) {
		t.Fatalf("a command that is missing: %s", got)
	}
	s.command("exit")
	s.toEnd()
	s.r.want(0)
	p.must(os.Remove(p.root + "/bin/true"))
	p.must(os.Link(p.root+"/bin/busybox", p.root+"/bin/true"))
	s = p.start("true").connect()
	s.finally(stateOf(false, true, exited0, 0, 0))
	p.must(os.Remove(p.root + "/bin/true"))
	for !strings.Contains(s.last, `"err":"`) {
		s.next()
	}
	if !strings.HasPrefix(s.last, `{"up":false,"restarting":false,"err":"`) || !strings.Contains(s.last, `"restarts":0,`) {
		t.Errorf("a restart that fails: %s", s.last)
	}
	s.command("exit")
	s.toEnd()
	s.r.want(0)
}

// cpuOf is the CPU time that a process has used.
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks time.Duration
	for _, field := range fields[11:13] { // utime and stime, proc_pid_stat(5)
		var n int64
		if _, err := fmt.Sscan(field, &n); err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100 // sysconf(_SC_CLK_TCK) is 100 wherever Go runs
}

// TestContractCrashLoop: a command that ends at once stays within its rate, and
// costs the supervisor less than 1 % of a CPU.
func TestContractCrashLoop(t *testing.T) {
	t.Parallel()
	r, starts := stamping(t, "exit 1")
	s := r.connect()
	exit1 := `"exited":true,"exit_status":1`
	s.finally(stateOf(false, true, exit1, 0, 0))
	begun, before := time.Now(), cpuOf(t, s.r.cmd.Process.Pid)
	const restarts = 8
	s.finally(stateOf(false, true, exit1, restarts, 0))
	took, used := time.Since(begun), cpuOf(t, s.r.cmd.Process.Pid)-before
	if used > testkit.Slow(took/100) {
		t.Errorf("the supervisor used %v of CPU in %v", used, took)
	}
	t.Logf("%v of CPU in %v", used, took)
	r.end()
	list := starts(restarts + 1)
	if took := list[restarts] - list[0]; took < restarts*time.Second-stampStep {
		t.Errorf("%d restarts took %v", restarts, took)
	}
}

// TestContractStopped: a container that was stopped by job control is up, and a
// stop ends it all the same.
func TestContractStopped(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("always")).shell("echo ready; kill -STOP $$; sleep 1000")
	s := r.connect()
	s.gets(isUp)
	r.ready()
	until(t, "a shell that is stopped", func() bool {
		return slices.ContainsFunc(r.named("sh"), func(p testkit.Process) bool { return p.State == 'T' })
	})
	s.silent(200 * time.Millisecond)
	s.command("stop")
	s.finally(wasStopped)
	r.end()
}

// TestContractWallClock: what is waited for does not depend on the wall clock.
// Setting that would disturb the whole machine, so this holds the loop's timers
// to the monotonic one through the kernel: a supervisor that was stopped over
// the end of its delay goes on as soon as it is continued.
func TestContractWallClock(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("always")).start("true").connect()
	s.finally(stateOf(false, true, exited0, 0, 0))
	s.r.signal(syscall.SIGSTOP)
	var slept unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &slept); err != nil {
		t.Fatal(err)
	}
	slept.Sec += 2
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &slept, nil) == unix.EINTR {
		continue
	}
	s.r.signal(syscall.SIGCONT)
	begun := time.Now()
	s.finally(stateOf(false, true, exited0, 1, 0))
	if took := time.Since(begun); took > testkit.Slow(900*time.Millisecond) {
		t.Errorf("the restart that was due came %v after the CONT", took)
	}
	s.r.end()
}

// TestContractStopDuringARestart: while a restart is on its way "finished" would
// not be the last word, and the exit that an agent sends then would be lost. The
// moments are chosen about the end of the delay; a stop that comes earlier or
// later is as final.
func TestContractStopDuringARestart(t *testing.T) {
	for i := range 16 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			r := newPlace(t, policy("always")).shell("exit 3")
			s := r.connect()
			s.finally(stateOf(false, true, exited3, 0, 0))
			time.Sleep(997*time.Millisecond + time.Duration(i)*time.Millisecond) // the moment is what is tested
			command := []string{"stop", "kill"}[i%2]
			s.command(command)
			for !strings.HasPrefix(s.last, `{"up":false,"restarting":false,`) {
				s.next()
			}
			final := said(s.last)
			s.command("exit")
			if last := said(s.toEnd()); last != final {
				t.Errorf("finished with %s, but %s came after it", final, last)
			}
			r.want(0)
		})
	}
}
