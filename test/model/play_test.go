// Package model_test compares the rules of packages lifecycle and group with a
// book of rules that was written independently of them, event by event, over
// random sequences of events; a sequence that shows a difference is made as
// short as it can be. The same sequences go through the loop of package
// supervisor, whose readers must all see the final state.
package model_test

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// machine is what is compared with the book.
type machine interface {
	step(ev group.Event, now time.Time) []group.Effect
	view() view
}

// view is what can be seen of a group.
type view struct {
	code     int
	cause    group.Cause
	child    string
	ready    bool
	children []lifecycle.Snapshot
}

// real is the machine of package group.
type real struct {
	cfg   group.Config
	state group.State
}

func newReal(cfg group.Config) machine { return &real{cfg, group.New(cfg)} }

func (r *real) step(ev group.Event, now time.Time) (effects []group.Effect) {
	r.state, effects = r.state.Step(ev, now)
	return effects
}

func (r *real) view() view {
	res := r.state.Result()
	v := view{code: res.Code, cause: res.Cause, child: res.Child, ready: r.state.Ready()}
	for i := range r.state.Len() {
		v.children = append(v.children, r.state.Child(i).Snapshot(r.cfg.Names[i], 1))
	}
	return v
}

// game is a book and a machine that see the same events.
type game struct {
	book    *book
	machine machine
	now     time.Time
	armed   time.Time
	steps   int
	done    int
	before  view
	stopped bool // somebody asked for the end of a service
}

var t0 = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// play gives the first difference that a sequence shows; nil for none. After the
// sequence everything ends, as it does some day.
func play(cfg group.Config, moves []move, make func(group.Config) machine) (steps int, err error) {
	g := &game{book: newBook(cfg), machine: make(cfg), now: t0}
	g.before = g.machine.view()
	defer func() {
		if p := recover(); p != nil {
			steps, err = g.steps, fmt.Errorf("panic: %v", p)
		}
	}()
	for _, m := range moves {
		g.now = g.now.Add(m.After)
		ev := m.Event
		if g.book.over || !g.book.possible(&ev) {
			continue
		}
		if err := g.step(ev); err != nil {
			return g.steps, err
		}
	}
	return g.steps, g.drain()
}

// drain ends every container, and a service.
func (g *game) drain() error {
	for i := 0; !g.book.over; i++ {
		if !g.book.begun || i > 100 {
			return nil
		}
		ev := group.Event{Kind: group.OnTick}
		switch e := g.book.children[i%len(g.book.children)]; {
		case g.book.cfg.Service && !g.book.leaving:
			ev = group.Event{Kind: group.OnSignal, Sig: syscall.SIGTERM}
		case e.alive() || e.life == ended:
			ev = group.Event{Kind: group.OnGone, Child: i % len(g.book.children)}
		}
		if err := g.step(ev); err != nil {
			return fmt.Errorf("while everything ends: %w", err)
		}
	}
	if g.done != 1 {
		return fmt.Errorf("done %d times, want once", g.done)
	}
	return nil
}

// step has both take an event and compares them.
func (g *game) step(ev group.Event) error {
	g.steps++
	g.book.take(ev, g.now)
	if ev.Kind == group.OnTick {
		g.armed = time.Time{}
	}
	effects := g.machine.step(ev, g.now)
	after := g.machine.view()
	err := errors.Join(g.compareOrders(effects), g.properties(ev, effects, after), g.compareViews(after))
	g.before = after
	if err != nil {
		return fmt.Errorf("event %s at %v:\n%w", move{Event: ev}, g.now.Sub(t0), err)
	}
	return nil
}

// compareOrders compares what the containers are told. A KILL to one that has
// ended, or in its pause, kills nobody: the book leaves it open.
func (g *game) compareOrders(effects []group.Effect) error {
	var got []order
	for _, e := range effects {
		switch e.Do {
		case group.DoStart, group.DoSignal:
			got = append(got, order{e.Child, e.Do, e.Sig, e.To})
		case group.DoKill:
			if g.book.children[e.Child].alive() {
				got = append(got, order{child: e.Child, do: e.Do})
			}
		case group.DoArm:
			g.armed = e.At
		case group.DoDisarm:
			g.armed = time.Time{}
		}
	}
	if !slices.Equal(got, g.book.orders) {
		return fmt.Errorf("the containers are told %v, want %v", got, g.book.orders)
	}
	due := g.book.due()
	switch {
	case g.book.over || due.IsZero():
	case g.armed.IsZero():
		return fmt.Errorf("no timer is set, want one that goes off after %v at the latest", due.Sub(t0))
	case g.armed.After(due):
		return fmt.Errorf("the timer goes off after %v, want %v at the latest", g.armed.Sub(t0), due.Sub(t0))
	}
	return nil
}

// compareViews compares what is seen.
func (g *game) compareViews(v view) error {
	b := g.book
	var errs []error
	wrong := func(what string, got, want any) {
		if got != want {
			errs = append(errs, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	if !b.cfg.Service {
		wrong("the result's cause", v.cause, b.cause)
		wrong("the result", v.code, b.code)
		if by := ""; b.cause != "" {
			if b.by >= 0 {
				by = b.cfg.Names[b.by]
			}
			wrong("who decided", v.child, by)
		}
	}
	for i, e := range b.children {
		s, name := v.children[i], "of "+b.cfg.Names[i]
		wrong("up "+name, s.Up, e.life == running)
		wrong("restarting "+name, s.Restarting, e.life == pausing || e.life == ended && b.restarts(e) || e.life == coming && e.again)
		wrong("gone "+name, s.Phase == lifecycle.Down, e.life == gone)
		wrong("the status "+name, s.Status, e.status)
		wrong("the restarts "+name, s.Restarts, e.restarts)
		wrong("the OOMs "+name, s.OOMs, e.ooms)
	}
	return errors.Join(errs...)
}

// properties are what holds whatever the book says.
func (g *game) properties(ev group.Event, effects []group.Effect, after view) error {
	var errs []error
	for _, e := range effects {
		was := g.before.children[max(0, e.Child)]
		switch e.Do {
		case group.DoStart:
			if was.Phase != lifecycle.Idle && was.Phase != lifecycle.Waiting {
				errs = append(errs, fmt.Errorf("a second process for child %d, which is %s", e.Child, was.Phase))
			}
			if g.stopped || g.before.cause != "" {
				errs = append(errs, fmt.Errorf("a start of child %d after a stop", e.Child))
			}
		case group.DoDone:
			g.done++
			for _, s := range after.children {
				if s.Phase != lifecycle.Down {
					errs = append(errs, fmt.Errorf("done although %s is %s", s.Name, s.Phase))
				}
			}
		}
	}
	if g.before.cause != "" && (after.code != g.before.code || after.cause != g.before.cause) {
		errs = append(errs, fmt.Errorf("the result was %d by %s and is %d by %s", g.before.code, g.before.cause, after.code, after.cause))
	}
	for i, s := range after.children {
		if was := g.before.children[i]; s.Restarts < was.Restarts || s.OOMs < was.OOMs {
			errs = append(errs, fmt.Errorf("a counter of %s fell from %d, %d to %d, %d", s.Name, was.Restarts, was.OOMs, s.Restarts, s.OOMs))
		}
	}
	if g.before.ready && !after.ready {
		errs = append(errs, errors.New("it was ready and is not any more"))
	}
	if g.book.over && g.done != 1 || !g.book.over && g.done != 0 {
		errs = append(errs, fmt.Errorf("done %d times, all is over: %v", g.done, g.book.over))
	}
	ends := ev.Kind == group.OnSignal && (ev.Sig == syscall.SIGTERM || ev.Sig == syscall.SIGINT || ev.Sig == syscall.SIGQUIT || ev.Sig == syscall.SIGHUP)
	g.stopped = g.stopped || g.book.cfg.Service && (ends || ev.Kind == group.OnStop || ev.Kind == group.OnKill)
	return errors.Join(errs...)
}
