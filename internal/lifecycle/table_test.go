package lifecycle_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

var update = flag.Bool("update", false, "rewrite docs/states.md")

const head = `# States

Written by ` + "`go test ./internal/lifecycle -update`" + ` from the code; don't edit.

## One container

Each cell says the new state and what is done. "." changes nothing. "-" can't
happen: it would be a bug, and lanyard panics with the names of both.

- idle: nothing has been started. starting: being built, its command does not
  run yet; signals wait for it. up: its command runs.
- stopping: told to end. killing: KILL has been sent. Both may be reached
  before the command runs ("not yet up").
- exited: how the command ended is known (or that it could not be started);
  its namespace and its output are being finished. waiting: nothing is left,
  and it is started again after the delay. down: nothing is left, for good.
- stop and kill are final in every state: no restart follows them. An oom at
  the end of a command is counted once, however many processes died.

`

const groupHead = `
## A group

What an event leads to, in the group's phases; the orders go to every child
that is still there. "." changes nothing; "-" can't happen. A group is done,
and takes nothing more, when every child is down.

- new: nothing has been started. running: the result is open. ending: the
  result is fixed, the children have been told to end (by another child's exit
  or start failure, or by the first signal, here INT). killing: what is left
  has been killed.

`

const singleHead = `
## A single command

Its exit is the result, and there is no kill timer; "signalled" has had one INT.

`

// TestTableIsFresh compares docs/states.md with what the code says.
func TestTableIsFresh(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "states.md")
	want := head + containerTable() + groupHead + groupTable(false) + singleHead + groupTable(true) + serviceHead + serviceTable()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/states.md is stale (%v): run go test ./internal/lifecycle -update", err)
	}
}

var (
	now      = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	errBuild = errors.New("mount /proc: operation not permitted")
)

func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}

func containerTable() string {
	events := []lifecycle.Event{
		{Kind: lifecycle.OnStart}, {Kind: lifecycle.OnStarted}, {Kind: lifecycle.OnFailed, Err: errBuild},
		{Kind: lifecycle.OnSignal}, {Kind: lifecycle.OnStop}, {Kind: lifecycle.OnKill},
		{Kind: lifecycle.OnDeadline}, {Kind: lifecycle.OnExited}, {Kind: lifecycle.OnGone},
		{Kind: lifecycle.OnRestart}, {Kind: lifecycle.OnOOM, OOMs: 1},
	}
	states := []lifecycle.State{
		lifecycle.New(lifecycle.Never, 0), {Phase: lifecycle.Starting}, {Phase: lifecycle.Up, Ran: now},
		{Phase: lifecycle.Stopping}, {Phase: lifecycle.Stopping, Ran: now},
		{Phase: lifecycle.Killing}, {Phase: lifecycle.Killing, Ran: now},
		{Phase: lifecycle.Exited, Ran: now}, {Phase: lifecycle.Exited, Ran: now, Policy: lifecycle.Always},
		{Phase: lifecycle.Waiting, Ran: now, Due: now, Policy: lifecycle.Always}, {Phase: lifecycle.Down, Ran: now},
	}
	rows := [][]string{{"state"}}
	for _, ev := range events {
		rows[0] = append(rows[0], string(ev.Kind))
	}
	for _, s := range states {
		name := string(s.Phase)
		if !s.HasRun() && (s.Phase == lifecycle.Stopping || s.Phase == lifecycle.Killing) {
			name += ", not yet up"
		}
		if s.Phase == lifecycle.Exited && s.Restarting() {
			name += ", with a restart to follow"
		}
		row := []string{"**" + name + "**"}
		for _, ev := range events {
			row = append(row, containerCell(s, ev))
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func containerCell(s lifecycle.State, ev lifecycle.Event) (cell string) {
	defer func() {
		if recover() != nil {
			cell = "-"
		}
	}()
	next, effects := lifecycle.Step(s, ev, now)
	var words []string
	if next.Phase != s.Phase {
		words = append(words, string(next.Phase))
	}
	for _, e := range effects {
		words = append(words, map[lifecycle.Action]string{
			lifecycle.DoStart: "start it", lifecycle.DoSignal: "send the signal", lifecycle.DoKill: "KILL",
		}[e.Do])
	}
	switch {
	case len(words) > 0:
	case ev.Kind == lifecycle.OnStarted:
		words = []string{"note its pid"}
	case next.OOMs > s.OOMs:
		words = []string{"count it"}
	case next.Final && !s.Final && s.Restarting():
		words = []string{"no restart"}
	}
	return orDot(words, ": ")
}

func orDot(words []string, between string) string {
	if len(words) == 0 {
		return "."
	}
	return strings.Join(words, between)
}

// scene is a group in one of its phases. Its first child is the one that
// reports something.
type scene struct {
	name  string
	state group.State
}

func play(single, up bool, mode plan.Mode, events ...group.Event) group.State {
	cfg := group.Config{Names: []string{"web", "db", "mail"}, Mode: mode, Grace: 2 * time.Second, Single: single}
	if single {
		cfg.Names = cfg.Names[:1]
	}
	s := group.New(cfg)
	for i, ev := range events {
		s, _ = s.Step(ev, now)
		for child := range cfg.Names {
			if i == 0 && ev.Kind == group.OnStart && (up || child > 0) {
				s, _ = s.Step(group.Event{Kind: group.OnStarted, Child: child}, now)
			}
		}
	}
	return s
}

func scenes(single, up bool, mode plan.Mode) []scene {
	start := group.Event{Kind: group.OnStart}
	exit := group.Event{Kind: group.OnExited, Child: 1, Status: lifecycle.Status{Exited: true, Code: 3}}
	sigint := group.Event{Kind: group.OnSignal, Sig: syscall.SIGINT}
	if single {
		return []scene{
			{"new", play(single, up, mode)},
			{"running", play(single, up, mode, start)},
			{"signalled", play(single, up, mode, start, sigint)},
			{"killing", play(single, up, mode, start, sigint, sigint)},
		}
	}
	return []scene{
		{"new", play(single, up, mode)},
		{"running", play(single, up, mode, start)},
		{"ending, by a child", play(single, up, mode, start, exit)},
		{"ending, by a signal", play(single, up, mode, start, sigint)},
		{"killing", play(single, up, mode, start, sigint, sigint)},
	}
}

func groupTable(single bool) string {
	sig := func(s syscall.Signal) group.Event { return group.Event{Kind: group.OnSignal, Sig: s} }
	exit := func(code int) group.Event {
		return group.Event{Kind: group.OnExited, Status: lifecycle.Status{Exited: true, Code: code}}
	}
	events := []struct {
		name string
		up   bool
		mode plan.Mode
		ev   group.Event
	}{
		{"start", true, "", group.Event{Kind: group.OnStart}},
		{"a start fails", false, "", group.Event{Kind: group.OnFailed, Err: errBuild}},
		{"lanyard fails in a start", false, "", group.Event{Kind: group.OnFailed, Err: errBuild, Internal: true}},
		{"exit 0, stop-on-failure", true, plan.StopOnFailure, exit(0)},
		{"exit 0, wait-all-successful", true, plan.WaitAllSuccessful, exit(0)},
		{"exit 5", true, "", exit(5)},
		{"the command is stopped", true, "", group.Event{Kind: group.OnStopped}},
		{"INT", true, "", sig(syscall.SIGINT)},
		{"QUIT", true, "", sig(syscall.SIGQUIT)},
		{"TERM", true, "", sig(syscall.SIGTERM)},
		{"HUP", true, "", sig(syscall.SIGHUP)},
		{"the terminal is gone", true, "", group.Event{Kind: group.OnHangup}},
		{"TSTP", true, "", sig(syscall.SIGTSTP)},
		{"CONT", true, "", sig(syscall.SIGCONT)},
		{"USR1, USR2, WINCH", true, "", sig(syscall.SIGUSR1)},
		{"the grace is over", true, "", group.Event{Kind: group.OnTick}},
	}
	rows := [][]string{{"event"}}
	for _, s := range scenes(single, true, "") {
		rows[0] = append(rows[0], s.name)
	}
	for _, e := range events {
		if single && (e.mode != "" || e.ev.Kind == group.OnTick) {
			continue // no mode, no grace
		}
		row := []string{"**" + e.name + "**"}
		for _, s := range scenes(single, e.up, e.mode) {
			row = append(row, groupCell(s.state, e.ev))
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func groupCell(s group.State, ev group.Event) (cell string) {
	defer func() {
		if recover() != nil {
			cell = "-"
		}
	}()
	at := now
	if ev.Kind == group.OnTick {
		at = now.Add(2 * time.Second)
	}
	next, effects := s.Step(ev, at)
	var words []string
	if next.Phase() != s.Phase() {
		words = append(words, string(next.Phase()))
	}
	for _, e := range effects {
		if word := order(e); word != "" && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	if s.Result().Cause == "" && next.Result().Cause != "" {
		words = append(words, fmt.Sprintf("result %d", next.Result().Code))
	}
	if len(words) == 0 && s.Phase() == group.PhaseNew && ev.Sig == syscall.SIGUSR1 {
		words = []string{"kept until the start"}
	}
	return orDot(words, ", ")
}

func order(e group.Effect) string {
	switch e.Do {
	case group.DoStart:
		return "start"
	case group.DoKill:
		return "KILL"
	case group.DoSignal:
		names := map[syscall.Signal]string{
			syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP",
			syscall.SIGTSTP: "TSTP", syscall.SIGCONT: "CONT", syscall.SIGUSR1: "it",
		}
		return names[e.Sig] + " to the " + string(e.To)
	}
	return map[group.Action]string{group.DoSuspend: "stop lanyard", group.DoResume: "take the terminal"}[e.Do]
}
