package group

import (
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// tick takes a timer that ran out. A tick that comes too early, or once more,
// does nothing.
func (t *turn) tick() {
	t.armed = time.Time{} // it ran out: whatever is due next arms it again
	if !t.killAt.IsZero() && !t.now.Before(t.killAt) {
		t.kill(lifecycle.OnDeadline)
	}
	for i, c := range t.children {
		if c.Phase == lifecycle.Waiting && !t.now.Before(c.Due) {
			t.tell(i, lifecycle.Event{Kind: lifecycle.OnRestart})
		}
	}
	for i, l := range t.late {
		if l.next.IsZero() || t.now.Before(l.next) {
			continue
		}
		stuck := Stuck{Child: t.cfg.Names[i], For: t.now.Sub(l.since)}
		t.said = append(t.said, Effect{Do: DoReport, Child: i, Report: stuck})
		t.late[i].next = t.now.Add(StuckEvery)
	}
}

// overdue says whether child i should be gone by now. While the group runs on,
// one that has exited may take its time over its last output.
func (t *turn) overdue(i int) bool {
	switch t.children[i].Phase {
	case lifecycle.Killing:
		return true
	case lifecycle.Exited:
		return t.cfg.Service || t.phase == PhaseEnding || t.phase == PhaseKilling
	default:
		return false
	}
}

// watch starts the clock of every child that became overdue and stops that of
// every child that went.
func (t *turn) watch() {
	for i := range t.children {
		switch {
		case !t.overdue(i):
			t.late[i] = late{}
		case t.late[i].since.IsZero():
			t.late[i] = late{since: t.now, next: t.now.Add(StuckAfter)}
		}
	}
}

// setTimer asks for the timer to go off at the next thing that is due.
func (t *turn) setTimer() {
	next := t.killAt
	for _, l := range t.late {
		if !l.next.IsZero() && (next.IsZero() || l.next.Before(next)) {
			next = l.next
		}
	}
	for _, c := range t.children {
		if c.Phase == lifecycle.Waiting && (next.IsZero() || c.Due.Before(next)) {
			next = c.Due
		}
	}
	switch {
	case next.Equal(t.armed):
		return
	case next.IsZero():
		t.do(Effect{Do: DoDisarm})
	default:
		t.do(Effect{Do: DoArm, At: next})
	}
	t.armed = next
}
