package lifecycle

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// walk steps a new container through events, one second apart.
func walk(events ...Event) State { return walkFrom(New(Never, 0), events...) }

func walkFrom(s State, events ...Event) State {
	now := t0
	for _, ev := range events {
		s, _ = Step(s, ev, now)
		now = now.Add(time.Second)
	}
	return s
}

var (
	start   = Event{Kind: OnStart}
	started = Event{Kind: OnStarted, PID: 7}
	fails   = Event{Kind: OnFailed, Err: errBuild}
	stop    = Event{Kind: OnStop, Sig: syscall.SIGTERM, To: Command}
	killNow = Event{Kind: OnKill}
	late    = Event{Kind: OnDeadline}
	vanish  = Event{Kind: OnGone}
	killed  = Status{Signal: syscall.SIGKILL}
	oom     = Status{Signal: syscall.SIGKILL, OOM: true}
)

func exit(s Status) Event   { return Event{Kind: OnExited, Status: s, OOMs: ooms(s)} }
func goneBy(s Status) Event { return Event{Kind: OnGone, Status: s, OOMs: ooms(s)} }

// ooms is what the engine counted for a command that ended in this way.
func ooms(s Status) int {
	if s.OOM {
		return 2 // the command, and a process of it
	}
	return 0
}

func TestHowItEnded(t *testing.T) {
	three := Status{Exited: true, Code: 3}
	tests := []struct {
		name   string
		events []Event
		result int
		killed bool
		ooms   int
		err    error
		ran    time.Duration
	}{
		{"exit", []Event{start, started, exit(three), vanish}, 3, false, 0, nil, time.Second},
		{"segv", []Event{start, started, exit(Status{Signal: syscall.SIGSEGV}), vanish}, 139, false, 0, nil, time.Second},
		{"obeys TERM", []Event{start, started, stop, exit(Status{Signal: syscall.SIGTERM}), vanish}, 143, false, 0, nil, 2 * time.Second},
		{"ignores TERM", []Event{start, started, stop, late, exit(killed), vanish}, 137, true, 0, nil, 3 * time.Second},
		{"killed whole", []Event{start, started, killNow, goneBy(killed)}, 137, true, 0, nil, 2 * time.Second},
		{"killed whole, no word", []Event{start, started, killNow, vanish}, 137, true, 0, nil, 2 * time.Second},
		{"exits before the KILL arrives", []Event{start, started, killNow, exit(three), vanish}, 3, false, 0, nil, 2 * time.Second},
		{"first process killed from outside", []Event{start, started, goneBy(killed)}, 137, false, 0, nil, time.Second},
		{"out of memory", []Event{start, started, exit(oom), vanish}, 137, false, 1, nil, time.Second},
		{"out of memory, counted once", []Event{start, started, exit(oom), goneBy(oom)}, 137, false, 1, nil, time.Second},
		{"out of memory, seen at the end", []Event{start, started, exit(killed), goneBy(oom)}, 137, false, 1, nil, time.Second},
		{"out of memory while we kill", []Event{start, started, killNow, exit(oom), vanish}, 137, false, 1, nil, 2 * time.Second},
		{"cannot start", []Event{start, fails, vanish}, 137, false, 0, errBuild, 0},
		{"cannot start, told to stop", []Event{start, stop, fails, vanish}, 137, false, 0, errBuild, 0},
		{"killed while starting", []Event{start, killNow, fails, vanish}, 137, true, 0, nil, 0},
		{"killed while starting, at once gone", []Event{start, killNow, vanish}, 137, true, 0, nil, 0},
		{"vanishes while starting", []Event{start, vanish}, 137, false, 0, ErrVanished, 0},
		{"up although told to stop", []Event{start, stop, started, exit(three), vanish}, 3, false, 0, nil, time.Second},
		{"engine fails at the end", []Event{start, started, exit(three), {Kind: OnGone, Err: errBuild}}, 3, false, 0, errBuild, time.Second},
		{"never started", []Event{stop}, 137, false, 0, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := walk(test.events...)
			if s.Phase != Down {
				t.Errorf("phase %q, want down", s.Phase)
			}
			if got := s.Status.Result(); got != test.result {
				t.Errorf("result %d, want %d", got, test.result)
			}
			if s.Killed != test.killed || s.OOMs != test.ooms || !errors.Is(s.Err, test.err) {
				t.Errorf("killed %v ooms %d err %v, want %v %d %v", s.Killed, s.OOMs, s.Err, test.killed, test.ooms, test.err)
			}
			if got := s.Lasted(t0.Add(time.Hour)); got != test.ran {
				t.Errorf("ran for %v, want %v", got, test.ran)
			}
		})
	}
}

func TestStepLeavesItsArgumentAlone(t *testing.T) {
	for name, s := range cases {
		for _, ev := range events {
			before := s
			describe(s, ev)
			if s != before {
				t.Errorf("%s x %s changed its argument", name, ev.Kind)
			}
		}
	}
}

// TestStopIsFinal walks at random through what is possible: no container ever
// goes back, is started twice, or gets a signal after its KILL.
func TestStopIsFinal(t *testing.T) {
	rank := map[Phase]int{Idle: 0, Starting: 1, Up: 2, Stopping: 3, Killing: 4, Exited: 5, Down: 6}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s, starts := New(Never, 0), 0
		for range 30 {
			ev := events[rnd.IntN(len(events))]
			if describe(s, ev) == "panic" {
				continue
			}
			next, effects := Step(s, ev, t0)
			if rank[next.Phase] < rank[s.Phase] {
				t.Fatalf("%s went back to %s on %s", s.Phase, next.Phase, ev.Kind)
			}
			for _, e := range effects {
				if e.Do == DoStart {
					starts++
				}
				if e.Do == DoSignal && rank[s.Phase] > rank[Stopping] {
					t.Fatalf("signal to a container that is %s", s.Phase)
				}
			}
			s = next
		}
		if starts > 1 {
			t.Fatalf("started %d times", starts)
		}
	}
}

func TestSnapshot(t *testing.T) {
	tests := []struct {
		name       string
		state      State
		generation uint64
		want       string
	}{
		{"idle", New(Never, 0), 0, `{"name":"web","state":"idle","generation":0,"up":false,"restarting":false,"status":{},"restarts":0,"ooms":0}`},
		{"up", walk(start, started), 1, `{"name":"web","state":"up","generation":1,"pid":7,"up":true,"restarting":false,"status":{},"restarts":0,"ooms":0,` +
			`"begun":"2030-01-02T03:04:05Z","ran":"2030-01-02T03:04:06Z"}`},
		{"failed", walk(start, fails), 1, `{"name":"web","state":"exited","generation":1,"up":false,"restarting":false,"status":{},` +
			`"error":"mount /proc: operation not permitted","restarts":0,"ooms":0,"begun":"2030-01-02T03:04:05Z","ended":"2030-01-02T03:04:06Z"}`},
		{"oom", walk(start, started, exit(oom)), 1, `{"name":"web","state":"exited","generation":1,"pid":7,"up":false,"restarting":false,` +
			`"status":{"signal":9,"oom":true},"restarts":0,"ooms":1,"begun":"2030-01-02T03:04:05Z","ran":"2030-01-02T03:04:06Z","ended":"2030-01-02T03:04:07Z"}`},
	}
	for _, test := range tests {
		got, err := json.Marshal(test.state.Snapshot("web", test.generation))
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s %v\nwant %s", test.name, got, err, test.want)
		}
	}
}
