package model_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

var (
	steps = flag.Int("steps", 50_000, "how many events the rules are compared over")
	seed  = flag.Uint64("seed", 1, "of the first sequence; each next one has the number after it")
)

// TestRules compares the rules with the book.
func TestRules(t *testing.T) {
	sequences, taken := 0, 0
	for s := *seed; taken < *steps; s++ {
		sequences++
		n, report := try(s, newReal)
		if taken += n; report != "" {
			t.Fatal(report)
		}
	}
	t.Logf("%d events in %d sequences", taken, sequences)
}

// try plays the sequence of a seed, and tells of a difference with the shortest
// sequence that shows one.
func try(seed uint64, make func(group.Config) machine) (taken int, report string) {
	rnd := rand.New(rand.NewPCG(seed, 21))
	cfg := newConfig(rnd)
	moves := newMoves(rnd, cfg)
	taken, err := play(cfg, moves, make)
	if err == nil {
		return taken, ""
	}
	short := shrink(moves, func(m []move) bool {
		_, err := play(cfg, m, make)
		return err != nil
	})
	_, err = play(cfg, short, make)
	return taken, fmt.Sprintf("seed %d, repeat it with: go test ./test/model -run TestRules -seed %d -steps 1\n%v\nin\n%s", seed, seed, err, list(cfg, short))
}

// shrink leaves out parts of a sequence, first large ones, as long as it still
// fails; then it makes the times between events as short as they can be.
func shrink(moves []move, fails func([]move) bool) []move {
	for size := len(moves) / 2; size > 0; {
		smaller := false
		for at := 0; at+size <= len(moves); {
			part := slices.Concat(moves[:at], moves[at+size:])
			if !fails(part) && at < len(part) { // perhaps it is their time that counts
				for _, m := range moves[at : at+size] {
					part[at].After += m.After
				}
			}
			if fails(part) {
				moves, smaller = part, true
			} else {
				at += size
			}
		}
		if !smaller || size > len(moves) {
			size /= 2
		}
	}
	for i := range moves {
		at := slices.Clone(moves)
		if at[i].After = 0; fails(at) {
			moves = at
		}
	}
	return moves
}

// mutant is the real machine with a mistake.
type mutant struct {
	machine
	cfg    group.Config
	change func(m *mutant, ev group.Event, effects []group.Effect) []group.Effect
	show   func(view) view
	told   bool
}

func (m *mutant) step(ev group.Event, now time.Time) []group.Effect {
	effects := m.machine.step(ev, now)
	if m.change != nil {
		effects = m.change(m, ev, effects)
	}
	return effects
}

func (m *mutant) view() view {
	v := m.machine.view()
	if m.show != nil {
		v = m.show(v)
	}
	return v
}

func without(effects []group.Effect, do group.Action) []group.Effect {
	return slices.DeleteFunc(slices.Clone(effects), func(e group.Effect) bool { return e.Do == do })
}

// TestMistakesAreFound puts mistakes into the rules, each against one of the
// promises, and wants them found, in a short sequence.
func TestMistakesAreFound(t *testing.T) {
	const most = 7 // events that show any of them
	for name, mistake := range map[string]mutant{
		"a stop that is undone": {change: func(m *mutant, ev group.Event, effects []group.Effect) []group.Effect {
			m.told = m.told || ev.Kind == group.OnStop
			if m.cfg.Service && m.told && ev.Kind == group.OnGone {
				effects = append(effects, group.Effect{Do: group.DoStart})
			}
			return effects
		}},
		"a second process": {change: func(m *mutant, ev group.Event, effects []group.Effect) []group.Effect {
			if ev.Kind == group.OnOOM {
				effects = append(effects, group.Effect{Do: group.DoStart, Child: ev.Child})
			}
			return effects
		}},
		"a second INT that does not kill": {change: func(_ *mutant, ev group.Event, effects []group.Effect) []group.Effect {
			if ev.Kind == group.OnSignal {
				return without(effects, group.DoKill)
			}
			return effects
		}},
		"a deadline that passes": {change: func(_ *mutant, ev group.Event, effects []group.Effect) []group.Effect {
			if ev.Kind == group.OnTick {
				return without(effects, group.DoKill)
			}
			return effects
		}},
		"a timer that is not set": {change: func(_ *mutant, _ group.Event, effects []group.Effect) []group.Effect {
			return without(effects, group.DoArm)
		}},
		"a result by what was killed": {show: func(v view) view {
			for _, s := range v.children {
				if v.cause != "" && s.Killed && s.Phase == lifecycle.Down {
					v.code = 128 + int(syscall.SIGKILL)
				}
			}
			return v
		}},
		"a counter that falls": {show: func(v view) view {
			for i := range v.children {
				if v.children[i].Phase == lifecycle.Exited {
					v.children[i].Restarts = 0
				}
			}
			return v
		}},
		"an end before the last is gone": {change: func(_ *mutant, ev group.Event, effects []group.Effect) []group.Effect {
			if ev.Kind == group.OnExited {
				effects = append(effects, group.Effect{Do: group.DoDone})
			}
			return effects
		}},
	} {
		t.Run(name, func(t *testing.T) {
			make := func(cfg group.Config) machine {
				m := mistake
				m.machine, m.cfg = newReal(cfg), cfg
				return &m
			}
			for s := range uint64(3000) {
				rnd := rand.New(rand.NewPCG(s, 21))
				cfg := newConfig(rnd)
				moves := newMoves(rnd, cfg)
				fails := func(m []move) bool { _, err := play(cfg, m, make); return err != nil }
				if !fails(moves) {
					continue
				}
				short := shrink(moves, fails)
				_, report := try(s, make)
				t.Log(report)
				if len(short) > most {
					t.Errorf("seed %d: the shortest sequence has %d events, want %d at most", s, len(short), most)
				}
				return
			}
			t.Error("it is not found")
		})
	}
}
