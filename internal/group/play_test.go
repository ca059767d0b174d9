package group

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

var t0 = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

var (
	errBuild = errors.New("mount /proc: operation not permitted")
	errBug   = errors.New("internal error: unknown message")
)

var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
	"TSTP": syscall.SIGTSTP, "CONT": syscall.SIGCONT, "CHLD": syscall.SIGCHLD,
}

func signalName(sig syscall.Signal) string {
	for name, s := range signals {
		if s == sig {
			return name
		}
	}
	return strconv.Itoa(int(sig))
}

// stage plays a group event by event. An event is written as "start",
// "hangup", the name of a signal, "+2s" (so much later the timer goes off) or
// "NAME up|fail|bug|stopped|exit N|sig N|oom|gone"; "@1s" lets time pass.
type stage struct {
	t     *testing.T
	state State
	now   time.Time
	said  []Report
}

func newStage(t *testing.T, cfg Config) *stage {
	return &stage{t: t, state: New(cfg), now: t0}
}

// play takes one event and returns the orders that follow, as text: "start a",
// "TERM:a" to the command, "INT::a" to its group, "KILL:a", "arm 2s" after t0,
// "disarm", "suspend", "resume", "done 3".
func (st *stage) play(line string) string {
	st.t.Helper()
	if after, ok := strings.CutPrefix(line, "@"); ok {
		st.now = st.now.Add(duration(st.t, after))
		return ""
	}
	next, effects := st.state.Step(st.event(line), st.now)
	st.state = next
	var orders []string
	for _, e := range effects {
		if e.Do == DoReport {
			st.said = append(st.said, e.Report)
			continue
		}
		orders = append(orders, st.order(e))
	}
	return strings.Join(orders, " ")
}

func (st *stage) order(e Effect) string {
	names := st.state.cfg.Names
	switch e.Do {
	case DoStart:
		return "start " + names[e.Child]
	case DoKill:
		return "KILL:" + names[e.Child]
	case DoSignal:
		between := ":"
		if e.To == lifecycle.Group {
			between = "::"
		}
		return signalName(e.Sig) + between + names[e.Child]
	case DoArm:
		return "arm " + e.At.Sub(t0).String()
	case DoDone:
		return fmt.Sprintf("done %d", st.state.Result().Code)
	default:
		return string(e.Do)
	}
}

func (st *stage) event(line string) Event {
	st.t.Helper()
	words := strings.Fields(line)
	if after, ok := strings.CutPrefix(line, "+"); ok {
		st.now = st.now.Add(duration(st.t, after))
		return Event{Kind: OnTick}
	}
	if sig, ok := signals[words[0]]; ok {
		return Event{Kind: OnSignal, Sig: sig}
	}
	if len(words) == 1 {
		return Event{Kind: Kind(line)}
	}
	ev := Event{Child: -1}
	for i, name := range st.state.cfg.Names {
		if name == words[0] {
			ev.Child = i
		}
	}
	number := 0
	if len(words) == 3 {
		number, _ = strconv.Atoi(words[2])
	}
	switch words[1] {
	case "up":
		ev.Kind, ev.PID = OnStarted, 100+ev.Child
	case "fail":
		ev.Kind, ev.Err = OnFailed, errBuild
	case "bug":
		ev.Kind, ev.Err, ev.Internal = OnFailed, errBug, true
	case "exit":
		ev.Kind, ev.Status = OnExited, lifecycle.Status{Exited: true, Code: number}
	case "sig":
		ev.Kind, ev.Status = OnExited, lifecycle.Status{Signal: syscall.Signal(number)}
	case "oom":
		ev.Kind, ev.Status = OnExited, lifecycle.Status{Signal: syscall.SIGKILL, OOM: true}
	case "stopped", "gone":
		ev.Kind = Kind(words[1])
	default:
		st.t.Fatalf("no such event: %q", line)
	}
	return ev
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run plays "event => orders" lines and complains about every other answer.
func (st *stage) run(script string) {
	st.t.Helper()
	for line := range strings.Lines(script) {
		event, want, _ := strings.Cut(line, "=>")
		event, want = strings.TrimSpace(event), strings.TrimSpace(want)
		if event == "" {
			continue
		}
		if got := st.play(event); got != want {
			st.t.Errorf("%s: got %q, want %q", event, got, want)
		}
	}
}
