package model_test

import (
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// life is what becomes of a container, seen from outside.
type life string

// The lives, in order. From pausing it goes back to coming.
const (
	unborn  life = "unborn"
	coming  life = "coming"  // its start was ordered
	running life = "running" // its command runs
	ended   life = "ended"   // its command ended, or can't be started; something of it is left
	pausing life = "pausing" // nothing is left; it is started again
	gone    life = "gone"    // nothing is left, for good
)

// entry is what the book knows of one container.
type entry struct {
	life     life
	ran      bool // its newest command began to run
	again    bool // its newest start is a restart
	final    bool // nothing starts it again
	shot     bool // it got its KILL
	status   lifecycle.Status
	restarts int
	ooms     int
	counted  bool // an OOM was counted at the end of the newest run
	due      time.Time
}

func (e *entry) alive() bool { return e.life == coming || e.life == running }
func (e *entry) hears() bool { return e.alive() && !e.shot }

// order is something that a container is told.
type order struct {
	child int
	do    group.Action // start, signal, kill
	sig   syscall.Signal
	to    lifecycle.Target
}

// book is the rules of a group as docs/project-file.md, docs/control-protocol.md
// and docs/states.md tell them, written down once more, without phases and
// without anything of packages lifecycle and group but their words. It says after each event what the containers
// must have been told, and what must be seen of them.
type book struct {
	cfg      group.Config
	children []*entry
	begun    bool // OnStart came
	over     bool
	decided  bool // the result is fixed
	code     int
	cause    group.Cause
	by       int              // the child that decided; -1: none
	killing  bool             // whoever is left has been killed
	hits     int              // INT, QUIT, TERM
	hup      bool             // HUP, or the terminal went
	first    syscall.Signal   // that a single command was sent
	kept     []syscall.Signal // for the start
	deadline time.Time        // when those that are left are killed
	leaving  bool             // a service that goes when its container is down
	paused   time.Time        // since when lanyard is stopped
	orders   []order          // of the newest event
}

func newBook(cfg group.Config) *book {
	b := &book{cfg: cfg, by: -1}
	for range cfg.Names {
		b.children = append(b.children, &entry{life: unborn})
	}
	return b
}

// take takes an event, which can happen, at its time.
func (b *book) take(ev group.Event, now time.Time) {
	b.orders = nil
	if b.over {
		return
	}
	switch ev.Kind {
	case group.OnStart:
		b.start()
	case group.OnSignal:
		b.signal(ev.Sig, now)
	case group.OnHangup:
		b.hangup(now)
	case group.OnTick:
		b.tick(now)
	case group.OnStop:
		b.stop(syscall.SIGTERM, lifecycle.Command)
	case group.OnKill:
		b.kill()
	case group.OnExit:
		if e := b.children[0]; e.life == gone || e.life == ended && !b.restarts(e) {
			b.leaving = true
		}
	case group.OnStopped:
		if b.cfg.Single && !b.decided && !b.killing && b.deadline.IsZero() {
			b.pause(now)
		}
	default:
		b.child(ev, now)
	}
	b.close()
}

func (b *book) tell(child int, do group.Action, sig syscall.Signal, to lifecycle.Target) {
	b.orders = append(b.orders, order{child, do, sig, to})
}

func (b *book) start() {
	b.begun = true
	for i, e := range b.children {
		e.life = coming
		b.tell(i, group.DoStart, 0, "")
	}
	for _, sig := range b.kept {
		b.pass(sig, lifecycle.Group)
	}
}

// pass hands a signal to every container that can hear it.
func (b *book) pass(sig syscall.Signal, to lifecycle.Target) {
	for i, e := range b.children {
		if e.hears() {
			b.tell(i, group.DoSignal, sig, to)
		}
	}
}

// stop asks all to end, for good.
func (b *book) stop(sig syscall.Signal, to lifecycle.Target) {
	b.pass(sig, to)
	b.endPauses()
}

func (b *book) endPauses() {
	for _, e := range b.children {
		e.final = true
		if e.life == pausing || e.life == unborn {
			e.life = gone
		}
	}
}

// kill kills all that are alive.
func (b *book) kill() {
	for i, e := range b.children {
		if e.hears() {
			b.tell(i, group.DoKill, 0, "")
			e.shot = true
		}
	}
	b.endPauses()
}

// finish decides a result, and ends all others: a KILL follows after the grace.
func (b *book) finish(code int, cause group.Cause, by int, sig syscall.Signal, to lifecycle.Target, now time.Time) {
	b.decided, b.code, b.cause, b.by = true, code, cause, by
	if b.killing {
		return
	}
	b.deadline = time.Time{}
	b.stop(sig, to)
	switch {
	case !b.anyAlive():
	case b.cfg.Grace == 0:
		b.killAll()
	default:
		b.deadline = now.Add(b.cfg.Grace)
	}
}

func (b *book) killAll() {
	b.killing, b.deadline = true, time.Time{}
	b.kill()
}

func (b *book) anyAlive() bool {
	for _, e := range b.children {
		if e.alive() {
			return true
		}
	}
	return false
}

func (b *book) tick(now time.Time) {
	if !b.deadline.IsZero() && !now.Before(b.deadline) {
		b.killAll()
	}
	for i, e := range b.children {
		if e.life == pausing && !now.Before(e.due) {
			*e = entry{life: coming, again: true, restarts: e.restarts, ooms: e.ooms, status: e.status}
			b.tell(i, group.DoStart, 0, "")
		}
	}
}

// close sees whether all is over.
func (b *book) close() {
	if !b.anyAlive() {
		b.deadline = time.Time{}
	}
	if !b.begun && !b.decided && !b.leaving || b.cfg.Service && !b.leaving {
		return
	}
	for _, e := range b.children {
		if e.life != gone {
			return
		}
	}
	b.over = true
}

// due is when something has to happen without an event from outside; zero: never.
func (b *book) due() time.Time {
	due := b.deadline
	for _, e := range b.children {
		if e.life == pausing && (due.IsZero() || e.due.Before(due)) {
			due = e.due
		}
	}
	return due
}
