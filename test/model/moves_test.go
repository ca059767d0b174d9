package model_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// move is one event of a sequence, and how much later than the one before it
// comes. A move that can't happen where a group stands is left out, so that any
// part of a sequence is a sequence.
type move struct {
	After time.Duration
	group.Event
}

func (m move) String() string {
	text := fmt.Sprintf("+%v %s", m.After, m.Kind)
	switch m.Kind {
	case group.OnSignal:
		text += fmt.Sprintf(" %v (%d)", m.Sig, int(m.Sig))
	case group.OnStarted, group.OnStopped:
		text += fmt.Sprintf(" child %d", m.Child)
	case group.OnFailed:
		text += fmt.Sprintf(" child %d, internal: %v", m.Child, m.Internal)
	case group.OnOOM:
		text += fmt.Sprintf(" child %d, %d kills", m.Child, max(1, m.OOMs))
	case group.OnExited, group.OnGone:
		text += fmt.Sprintf(" child %d, %+v, %d kills for want of memory", m.Child, m.Status, m.OOMs)
	}
	return text
}

// list is a sequence as a person reads it.
func list(cfg group.Config, moves []move) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", cfg)
	for _, m := range moves {
		fmt.Fprintf(&b, "  %s\n", m)
	}
	return b.String()
}

var errBuild = errors.New("mount /proc: operation not permitted")

// newConfig makes a group, a single command or a service.
func newConfig(rnd *rand.Rand) group.Config {
	cfg := group.Config{Names: []string{"a", "b", "c", "d"}[:1+rnd.IntN(4)], Grace: time.Duration(rnd.IntN(3)) * time.Second}
	cfg.Mode = []plan.Mode{plan.StopOnFailure, plan.WaitAllSuccessful}[rnd.IntN(2)]
	switch rnd.IntN(4) {
	case 0:
		cfg.Names, cfg.Single = cfg.Names[:1], true
	case 1:
		cfg.Names, cfg.Service, cfg.Delay = cfg.Names[:1], true, time.Second
		cfg.Restart = []lifecycle.Policy{lifecycle.Never, lifecycle.OnFailure, lifecycle.Always}[rnd.IntN(3)]
	}
	return cfg
}

var (
	userSignals = []syscall.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTSTP, syscall.SIGCONT,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCHLD,
	}
	engineKinds = []group.Kind{
		group.OnStarted, group.OnStarted, group.OnStarted, group.OnFailed, group.OnStopped, group.OnExited, group.OnExited,
		group.OnGone, group.OnGone, group.OnOOM,
	}
	statuses = []lifecycle.Status{{Exited: true}, {Exited: true}, {Exited: true, Code: 3}, {Signal: syscall.SIGTERM}, {Signal: syscall.SIGKILL}, {}, {OOM: true}}
)

// newMoves makes a sequence. The start is somewhere near its beginning.
func newMoves(rnd *rand.Rand, cfg group.Config) []move {
	moves := make([]move, 4+rnd.IntN(60))
	start := 0
	if rnd.IntN(8) == 0 {
		start = rnd.IntN(3)
	}
	for i := range moves {
		m := move{After: time.Duration(rnd.IntN(6)) * 200 * time.Millisecond}
		switch n := rnd.IntN(12); {
		case i == start:
			m.Kind = group.OnStart
		case n < 8:
			m.Event = group.Event{Kind: engineKinds[rnd.IntN(len(engineKinds))], Child: rnd.IntN(len(cfg.Names)), Status: statuses[rnd.IntN(len(statuses))]}
			m.OOMs, m.Internal = max(0, rnd.IntN(5)-2), rnd.IntN(3) == 0
		case n < 9:
			m.Kind, m.Sig = group.OnSignal, userSignals[rnd.IntN(len(userSignals))]
		case n < 10:
			m.Kind = group.OnTick
		case n < 11 && cfg.Service:
			m.Kind = []group.Kind{group.OnStop, group.OnKill, group.OnExit}[rnd.IntN(3)]
		case rnd.IntN(6) == 0:
			m.Kind = group.OnHangup
		default:
			m.Kind = group.OnTick
		}
		moves[i] = m
	}
	return moves
}

// possible says whether an event can happen where the book stands, and completes
// it.
func (b *book) possible(ev *group.Event) bool {
	switch ev.Kind {
	case group.OnStart:
		return !b.begun
	case group.OnSignal:
		return true
	case group.OnHangup:
		return !b.cfg.Service // it has no terminal
	case group.OnTick, group.OnStop, group.OnKill, group.OnExit:
		return b.begun
	}
	e := b.children[ev.Child]
	if ev.Kind != group.OnExited && ev.Kind != group.OnGone && ev.Kind != group.OnOOM {
		ev.OOMs, ev.Status = 0, lifecycle.Status{}
	}
	switch ev.Kind {
	case group.OnStarted:
		ev.Internal, ev.PID = false, 100+ev.Child
		return e.life == coming
	case group.OnFailed:
		ev.Err = errBuild
		return e.life == coming
	case group.OnStopped, group.OnExited:
		ev.Internal = false
		return e.life == running
	case group.OnGone:
		ev.Internal = false
		return e.life == coming || e.life == running || e.life == ended
	case group.OnOOM:
		ev.OOMs, ev.Internal = max(1, ev.OOMs), false
		return e.life != unborn
	}
	return false
}
