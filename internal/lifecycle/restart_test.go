package lifecycle

import (
	"syscall"
	"testing"
	"time"
)

var (
	again = Event{Kind: OnRestart}
	hurt  = Event{Kind: OnOOM, OOMs: 1}
)

func TestRestarts(t *testing.T) {
	zero, three := Status{Exited: true}, Status{Exited: true, Code: 3}
	segv := Status{Signal: syscall.SIGSEGV}
	tests := []struct {
		name     string
		policy   Policy
		events   []Event
		phase    Phase
		restarts int
	}{
		{"no after 3", Never, []Event{start, started, exit(three), vanish}, Down, 0},
		{"no after a signal", Never, []Event{start, started, exit(segv), vanish}, Down, 0},
		{"no after OOM", Never, []Event{start, started, exit(oom), vanish}, Down, 0},
		{"no after its first process was killed", Never, []Event{start, started, goneBy(killed)}, Down, 0},
		{"the zero policy is no", "", []Event{start, started, exit(three), vanish}, Down, 0},
		{"on-failure after 0", OnFailure, []Event{start, started, exit(zero), vanish}, Down, 0},
		{"on-failure after 3", OnFailure, []Event{start, started, exit(three), vanish}, Waiting, 0},
		{"on-failure after a signal", OnFailure, []Event{start, started, exit(segv), vanish}, Waiting, 0},
		{"on-failure after OOM", OnFailure, []Event{start, started, exit(oom), vanish}, Waiting, 0},
		{"on-failure after its first process was killed", OnFailure, []Event{start, started, goneBy(killed)}, Waiting, 0},
		{"always after 0", Always, []Event{start, started, exit(zero), vanish}, Waiting, 0},
		{"a failed start is final", Always, []Event{start, fails, vanish}, Down, 0},
		{"a start that vanished is final", Always, []Event{start, vanish}, Down, 0},
		{"counted when it runs", Always, []Event{start, started, exit(zero), vanish, again}, Starting, 0},
		{"once", Always, []Event{start, started, exit(zero), vanish, again, started}, Up, 1},
		{"twice", Always, []Event{start, started, exit(zero), vanish, again, started, exit(three), vanish, again, started}, Up, 2},
		{"a failed restart", Always, []Event{start, started, exit(zero), vanish, again, fails, vanish}, Down, 0},
		{"stop while up", Always, []Event{start, started, stop, exit(three), vanish}, Down, 0},
		{"kill while up", Always, []Event{start, started, killNow, exit(killed), vanish}, Down, 0},
		{"stop after the exit", Always, []Event{start, started, exit(three), stop, vanish}, Down, 0},
		{"kill after the exit", Always, []Event{start, started, exit(three), killNow, vanish}, Down, 0},
		{"stop during the delay", Always, []Event{start, started, exit(three), vanish, stop}, Down, 0},
		{"kill during the delay", Always, []Event{start, started, exit(three), vanish, killNow}, Down, 0},
		{"stop during a restart", Always, []Event{start, started, exit(three), vanish, again, stop, started, exit(three), vanish}, Down, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := walkFrom(New(test.policy, time.Minute), test.events...)
			if s.Phase != test.phase || s.Restarts != test.restarts {
				t.Errorf("%s after %d restarts, want %s after %d", s.Phase, s.Restarts, test.phase, test.restarts)
			}
			if s.Phase == Waiting && !s.Due.Equal(s.Ended.Add(time.Minute)) {
				t.Errorf("due %v, ended %v, want a minute between", s.Due, s.Ended)
			}
			if want := s.Phase == Waiting || s.Phase == Starting; s.Restarting() != want {
				t.Errorf("restarting: %v, want %v", s.Restarting(), want)
			}
		})
	}
}

// TestToldToEndDuringARestart: until it is up, failed or gone a restart is under
// way, whoever has told it to end: "finished" would be taken for the last word.
func TestToldToEndDuringARestart(t *testing.T) {
	for _, order := range []Event{stop, killNow} {
		s := walkFrom(New(Always, 0), start, started, exit(Status{Exited: true}), vanish, again, order)
		if !s.Restarting() || s.Up() || s.Over() {
			t.Errorf("%s: restarting %v, up %v", order.Kind, s.Restarting(), s.Up())
		}
		for _, next := range []Event{started, fails, vanish} {
			if after, _ := Step(s, next, t0); after.Restarting() || after.Up() != (next.Kind == OnStarted) {
				t.Errorf("%s, %s: restarting %v, up %v", order.Kind, next.Kind, after.Restarting(), after.Up())
			}
		}
	}
}

// TestBetweenRuns: until a restart has succeeded the end of the run before is
// what there is to tell; a restart that failed has none.
func TestBetweenRuns(t *testing.T) {
	three := Status{Exited: true, Code: 3}
	run := []Event{start, started, exit(three), vanish, again}
	s := walkFrom(New(Always, 0), run...)
	if s.Status != three || s.HasRun() || s.Up() || s.PID != 0 {
		t.Errorf("during the restart: %+v", s)
	}
	if s, _ := Step(s, started, t0); s.Status != (Status{}) || !s.Up() {
		t.Errorf("after the restart: %+v", s)
	}
	if s, _ := Step(s, fails, t0); s.Status != (Status{}) || s.Err == nil || s.Restarting() {
		t.Errorf("after a restart that failed: %+v", s)
	}
}

func TestOOMsAreCounted(t *testing.T) {
	tests := []struct {
		name   string
		events []Event
		ooms   int
	}{
		{"another process, twice", []Event{start, started, hurt, hurt}, 2},
		{"another process, and then the exit", []Event{start, started, hurt, exit(Status{Exited: true}), vanish}, 1},
		{"the command, with a process of it", []Event{start, started, exit(oom), vanish}, 1},
		{"told late about the end", []Event{start, started, exit(oom), hurt, vanish, hurt}, 1},
		{"told only after the end", []Event{start, started, exit(killed), vanish, hurt, hurt}, 1},
		{"while it is told to stop", []Event{start, started, stop, exit(oom), vanish}, 1},
		{"while it is killed", []Event{start, started, killNow, hurt, exit(killed), vanish}, 1},
		{"over restarts", []Event{start, started, exit(oom), vanish, again, started, hurt, exit(oom), vanish, again, started}, 3},
	}
	for _, test := range tests {
		if s := walkFrom(New(Always, 0), test.events...); s.OOMs != test.ooms {
			t.Errorf("%s: %d, want %d", test.name, s.OOMs, test.ooms)
		}
	}
}
