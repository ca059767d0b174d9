package supervise_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// phases are the moments to kill a supervisor at, reached when the function
// returns.
var phases = []struct {
	name, script string
	reach        func(*running)
}{
	{"Up", "sleep 1000", func(r *running) { r.connect().gets(isUp) }},
	{"Stopping", deaf, func(r *running) {
		s := r.connect()
		s.gets(isUp)
		r.ready()
		s.command("stop")
		s.gets(isStopping)
	}},
	{"RestartDelay", "exit 3", func(r *running) { r.connect().finally(stateOf(false, true, exited3, 0, 0)) }},
	{"Restarted", "sleep 0.05", func(r *running) { r.connect().finally(stateOf(true, true, "", 1, 0)) }},
	{"Crowd", `for i in $(seq 50); do sleep 1000 & done
		(trap '' TERM HUP INT; sh -c 'trap "" TERM HUP; (sleep 1000 &); sleep 1000' &)
		sh -c 'kill -STOP $$' &
		trap '' TERM HUP; echo ready; while :; do sleep 1000; done`, func(r *running) { r.ready() }},
}

// TestContractKillNine: after kill -9 of the supervisor in any phase nothing is
// left 2 s later.
func TestContractKillNine(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, policy("always"))
			for range rounds(t, 5) {
				r := p.shell(phase.script)
				phase.reach(r)
				r.signal(syscall.SIGKILL)
				r.want(128 + int(syscall.SIGKILL))
			}
		})
	}
	t.Run("FirstStart", func(t *testing.T) {
		t.Parallel()
		h := hold(t, "always", "sleep 1000")
		s := h.connected()
		h.signal(syscall.SIGKILL)
		h.want(128 + int(syscall.SIGKILL))
		if last := s.toEnd(); last != "" {
			t.Errorf("a killed supervisor has told %s", last)
		}
	})
}

// TestContractKillNineMidStart: at all moments of a start.
func TestContractKillNineMidStart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("always"))
	for _, delay := range testkit.Moments(rounds(t, 100), 40*time.Millisecond) {
		r := p.start("sleep", "1000")
		time.Sleep(delay)
		r.signal(syscall.SIGKILL)
		r.want(128 + int(syscall.SIGKILL))
	}
}

// TestKillNineLeavesNoHalfFile: while container.json is written it has another
// name, which is in the journal, and what a kill leaves under it goes.
func TestKillNineLeavesNoHalfFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("no"))
	r := p.start("sleep", "1000")
	r.dial().up()
	entry := "tree " + p.path(".container.json.")
	var half string
	journals, err := filepath.Glob(r.runBase() + "/*/journal")
	p.must(err)
	for _, journal := range journals {
		text, _ := os.ReadFile(journal) // another test's may be gone
		if _, rest, found := strings.Cut(string(text), entry); found {
			name, _, _ := strings.Cut(rest, "\n")
			half = p.path(".container.json." + name)
		}
	}
	if half == "" {
		t.Fatalf("no journal of %q has a line %q", journals, entry)
	}
	p.must(os.WriteFile(half, []byte("{"), 0o600))
	r.signal(syscall.SIGKILL)
	r.want(128 + int(syscall.SIGKILL))
	until(t, "the half file has gone", func() bool { return !exists(half) })
}

// TestContractNewStartAfterKillNine: the next supervisor of the same directory
// and ID starts at once, and takes over what there is.
func TestContractNewStartAfterKillNine(t *testing.T) {
	for lane, script := range map[string]string{"Plain": "sleep 1000", "Deaf": deaf} {
		t.Run(lane, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, policy("always"))
			for range rounds(t, 50) {
				old := p.shell(script)
				s := old.connect()
				s.gets(isUp)
				old.signal(syscall.SIGKILL)
				next := p.shell(script) // the old one may not be gone yet
				if last := said(s.toEnd()); last != isUp {
					t.Errorf("a killed supervisor has told %s", last)
				}
				old.wait()
				next.freshly().gets(isUp)
				// A process without arguments has no memory any more: the kernel is
				// taking it down. The janitor has removed everything, and ends.
				left := slices.DeleteFunc(marked(old.mark), func(p testkit.Process) bool { return p.Name == "" || p.Name == janitor.Argv0 })
				if len(left) > 0 {
					t.Errorf("of the old container there is %v", left)
				}
				until(t, "the old janitor has ended", func() bool { return len(marked(old.mark)) == 0 })
				next.end()
			}
		})
	}
}

// freshly connects to this supervisor, not to a socket that a killed one left.
func (r *running) freshly() *stream {
	r.t.Helper()
	until(r.t, "a supervisor that starts its container", func() bool {
		return len(r.named("lanyard-init")) > 0 || strings.Contains(r.errors(), "cannot")
	})
	return r.connect()
}

// TestContractLiveIsRefused: a second supervisor of the directory ends with 1
// and a clear line, and harms nothing.
func TestContractLiveIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("no"))
	r := p.start("sleep", "1000")
	s := r.connect()
	s.gets(isUp)
	for range rounds(t, 10) {
		second := p.start("sleep", "1000")
		if code := second.wait(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		if got := second.errors(); strings.Count(got, "cannot supervise") != 1 || !strings.Contains(got, "control is already run by process") {
			t.Errorf("the line is %q", got)
		}
		s.silent(20 * time.Millisecond)
		r.connect().gets(isUp)
	}
	s.command("stop")
	s.finally(wasStopped)
	r.end()
}

// TestContractTwoAtOnce: of those that start in the same moment one wins.
func TestContractTwoAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("no"))
	for range rounds(t, 30) {
		const crowd = 3
		all := make([]*running, crowd)
		for i := range all {
			all[i] = p.start("sleep", "1000")
		}
		var winner *running
		until(t, "all but one that have ended", func() bool {
			left := 0
			for _, r := range all {
				select {
				case <-r.ended:
				default:
					left++
				}
			}
			return left == 1
		})
		for _, r := range all {
			select {
			case <-r.ended:
				if r.status.ExitStatus() != 1 || strings.Count(r.errors(), "cannot supervise") != 1 {
					t.Errorf("one that lost: exit code %d\n%s", r.status.ExitStatus(), r.log())
				}
			default:
				winner = r
			}
		}
		winner.connect().gets(isUp)
		winner.end()
	}
}
