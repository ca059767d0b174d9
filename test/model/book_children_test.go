package model_test

import (
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// child takes what is seen of one container.
func (b *book) child(ev group.Event, now time.Time) {
	e := b.children[ev.Child]
	was := e.alive()
	switch ev.Kind {
	case group.OnStarted:
		e.life, e.ran, e.status = running, true, lifecycle.Status{}
		if e.again {
			e.restarts++
		}
		return
	case group.OnOOM:
		b.outOfMemory(e, ev.OOMs)
		return
	case group.OnFailed:
		e.life, e.status = ended, lifecycle.Status{}
	case group.OnExited:
		e.life, e.status = ended, ev.Status
		b.outOfMemory(e, ev.OOMs)
	case group.OnGone:
		b.gone(e, ev, now)
	}
	if was {
		e.due = now.Add(b.cfg.Delay)
		if ev.Kind == group.OnGone && b.restarts(e) {
			e.life = pausing
		}
		b.judge(ev, now)
	}
}

func (b *book) gone(e *entry, ev group.Event, now time.Time) {
	switch {
	case e.life == running:
		e.status = ev.Status
	case e.life == coming:
		e.status = lifecycle.Status{}
	default:
		e.status.OOM = e.status.OOM || ev.Status.OOM
	}
	counts := e.life != coming // what was never there runs out of nothing
	restarts := b.restarts(e)
	e.life = gone
	if counts {
		b.outOfMemory(e, ev.OOMs)
	}
	if restarts {
		e.life = pausing
	}
}

// outOfMemory counts each kill while a container lives, and one at its end.
func (b *book) outOfMemory(e *entry, n int) {
	switch {
	case e.alive():
		e.ooms += n
	case n > 0 && !e.counted:
		e.ooms++
		e.counted = true
	}
}

// restarts says whether another start follows the end of a container.
func (b *book) restarts(e *entry) bool {
	if !b.cfg.Service || e.final || !e.ran {
		return false
	}
	return b.cfg.Restart == lifecycle.Always || b.cfg.Restart == lifecycle.OnFailure && e.status.Result() != 0
}

// judge decides what the end of a container's command means for all.
func (b *book) judge(ev group.Event, now time.Time) {
	e, i := b.children[ev.Child], ev.Child
	if b.cfg.Service || b.decided {
		return
	}
	term := func(code int, cause group.Cause, by int) {
		b.finish(code, cause, by, syscall.SIGTERM, lifecycle.Command, now)
	}
	switch {
	case b.cfg.Single && e.shot && !e.ran:
		term(128+int(b.first), group.BySignal, -1)
	case !e.ran && ev.Internal:
		term(121, group.ByInternal, i)
	case !e.ran:
		term(127, group.ByStart, i)
	case b.cfg.Mode == plan.WaitAllSuccessful && !b.cfg.Single && e.status == lifecycle.Status{Exited: true}:
		if !b.anyAlive() {
			term(0, group.BySuccess, -1)
		}
	default:
		term(e.status.Result(), group.ByExit, i)
	}
}
