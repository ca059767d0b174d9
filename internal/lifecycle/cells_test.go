package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// t0 is when everything in these tests happens.
var t0 = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

var errBuild = errors.New("mount /proc: operation not permitted")

// cases are the states as docs/states.md lists them: Stopping and Killing
// differ by whether the command has begun to run.
var cases = map[string]State{
	"idle":                 New(Never, 0),
	"starting":             {Phase: Starting, Begun: t0},
	"up":                   {Phase: Up, Begun: t0, Ran: t0, PID: 7},
	"stopping, not yet up": {Phase: Stopping, Begun: t0},
	"stopping":             {Phase: Stopping, Begun: t0, Ran: t0, PID: 7},
	"killing, not yet up":  {Phase: Killing, Begun: t0, Killed: true},
	"killing":              {Phase: Killing, Begun: t0, Ran: t0, PID: 7, Killed: true},
	"exited":               {Phase: Exited, Begun: t0, Ran: t0, Ended: t0, PID: 7, Status: Status{Exited: true}},
	"exited, again":        {Phase: Exited, Policy: Always, Delay: time.Second, Begun: t0, Ran: t0, Ended: t0, PID: 7, Status: Status{Exited: true}},
	"waiting":              {Phase: Waiting, Policy: Always, Delay: time.Second, Begun: t0, Ran: t0, Ended: t0, Due: t0, PID: 7, Status: Status{Exited: true}},
	"down":                 {Phase: Down, Begun: t0, Ran: t0, Ended: t0, PID: 7, Status: Status{Exited: true}},
}

var events = []Event{
	{Kind: OnStart},
	{Kind: OnStarted, PID: 7},
	{Kind: OnFailed, Err: errBuild},
	{Kind: OnSignal, Sig: syscall.SIGUSR1, To: Group},
	{Kind: OnStop, Sig: syscall.SIGTERM, To: Command},
	{Kind: OnKill},
	{Kind: OnDeadline},
	{Kind: OnExited, Status: Status{Exited: true, Code: 3}},
	{Kind: OnGone, Status: Status{Signal: syscall.SIGKILL}},
	{Kind: OnRestart},
	{Kind: OnOOM, OOMs: 1},
}

// describe steps a state and writes down what comes of it.
func describe(s State, ev Event) (cell string) {
	defer func() {
		if p := recover(); p != nil {
			cell = "panic"
		}
	}()
	next, effects := Step(s, ev, t0)
	words := []string{string(next.Phase)}
	for _, e := range effects {
		word := string(e.Do)
		if e.Do == DoSignal {
			word = fmt.Sprintf("%d>%s", int(e.Sig), e.To)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestEveryCell(t *testing.T) {
	const x = "panic"
	// In the order of events: start, started, failed, signal, stop, kill, deadline, exited, gone, restart, oom.
	want := map[string][]string{
		"idle":                 {"starting start", x, x, "idle", "down", "down", x, x, x, x, x},
		"starting":             {x, "up", "exited", "starting 10>group", "stopping 15>command", "killing kill", x, x, "down", x, "starting"},
		"up":                   {x, x, x, "up 10>group", "stopping 15>command", "killing kill", x, "exited", "down", x, "up"},
		"stopping, not yet up": {x, "stopping", "exited", "stopping 10>group", "stopping 15>command", "killing kill", "killing kill", x, "down", x, "stopping"},
		"stopping":             {x, x, x, "stopping 10>group", "stopping 15>command", "killing kill", "killing kill", "exited", "down", x, "stopping"},
		"killing, not yet up":  {x, "killing", "exited", "killing", "killing", "killing", "killing", x, "down", x, "killing"},
		"killing":              {x, x, x, "killing", "killing", "killing", "killing", "exited", "down", x, "killing"},
		"exited":               {x, x, x, "exited", "exited", "exited kill", "exited", x, "down", x, "exited"},
		"exited, again":        {x, x, x, "exited", "exited", "exited kill", "exited", x, "waiting", x, "exited"},
		"waiting":              {x, x, x, "waiting", "down", "down", "waiting", x, x, "starting start", "waiting"},
		"down":                 {x, x, x, "down", "down", "down", "down", x, x, x, "down"},
	}
	for name, s := range cases {
		for i, ev := range events {
			if got := describe(s, ev); got != want[name][i] {
				t.Errorf("%s x %s: got %q, want %q", name, ev.Kind, got, want[name][i])
			}
		}
	}
}

func TestImpossibleNamesBoth(t *testing.T) {
	tests := []struct {
		state State
		event Kind
		want  string
	}{
		{New(Never, 0), OnExited, `internal error: event "exited" in state "idle"`},
		{cases["stopping"], OnFailed, `internal error: event "failed" in state "stopping" after its command ran`},
		{State{}, OnStart, `internal error: event "start" in state ""`},
	}
	for _, test := range tests {
		func() {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("panic %q, want %q", got, test.want)
				}
			}()
			Step(test.state, Event{Kind: test.event}, t0)
		}()
	}
}
