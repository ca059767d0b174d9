package model_test

import (
	"slices"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

func (b *book) signal(sig syscall.Signal, now time.Time) {
	switch sig {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP:
		switch {
		case b.cfg.Service:
			b.leave(sig)
		case b.cfg.Single:
			b.endSingle(sig)
		default:
			b.endGroup(sig, now)
		}
	case syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH:
		if b.cfg.Service && sig == syscall.SIGWINCH {
			return
		}
		if b.begun {
			b.pass(sig, lifecycle.Group)
		} else if !slices.Contains(b.kept, sig) {
			b.kept = append(b.kept, sig)
		}
	case syscall.SIGTSTP:
		if !b.cfg.Service {
			b.pass(sig, lifecycle.Group)
			if !b.cfg.Single || !b.begun {
				b.pause(now)
			}
		}
	case syscall.SIGCONT:
		if !b.cfg.Service {
			b.resume(now)
			b.pass(sig, lifecycle.Group)
		}
	}
}

// translated is what a child gets for a signal that ends: INT and QUIT go to its
// process group, TERM and HUP are a TERM to its command. A single command gets
// what lanyard got.
func (b *book) translated(sig syscall.Signal) (syscall.Signal, lifecycle.Target) {
	if sig == syscall.SIGINT || sig == syscall.SIGQUIT {
		return sig, lifecycle.Group
	}
	if b.cfg.Single {
		return sig, lifecycle.Command
	}
	return syscall.SIGTERM, lifecycle.Command
}

// endGroup: the first signal fixes the result, if nothing has, and is passed on;
// a second INT, QUIT or TERM kills.
func (b *book) endGroup(sig syscall.Signal, now time.Time) {
	told := b.hup || b.hits > 0
	if sig == syscall.SIGHUP {
		b.hup = true
	} else {
		b.hits++
	}
	sent, to := b.translated(sig)
	switch {
	case b.killing:
	case !b.decided:
		b.finish(128+int(sig), group.BySignal, -1, sent, to, now)
	case sig != syscall.SIGHUP && b.hits > 1:
		b.killAll()
	case sig == syscall.SIGHUP && told: // they know
	default:
		b.pass(sent, to)
	}
}

// endSingle: signals are passed on, and a second INT, QUIT or TERM kills. Its own
// exit is the result, unless it never was.
func (b *book) endSingle(sig syscall.Signal) {
	if sig != syscall.SIGHUP {
		b.hits++
	}
	switch {
	case !b.begun:
		b.decided, b.code, b.cause = true, 128+int(sig), group.BySignal
		b.endPauses()
	case b.killing:
	case sig != syscall.SIGHUP && b.hits > 1:
		b.killAll()
	default:
		if b.first == 0 {
			b.first = sig
		}
		b.pass(b.translated(sig))
	}
}

// leave: a service stops its container, for good, and goes; a second TERM, INT
// or QUIT kills.
func (b *book) leave(sig syscall.Signal) {
	b.leaving = true
	if sig != syscall.SIGHUP {
		if b.hits++; b.hits > 1 {
			b.kill()
			return
		}
	}
	b.stop(syscall.SIGTERM, lifecycle.Command)
}

// hangup is as a HUP; a single command that does not heed it is killed 2 s later.
func (b *book) hangup(now time.Time) {
	switch {
	case !b.cfg.Single:
		b.endGroup(syscall.SIGHUP, now)
	case !b.begun || b.decided || b.killing:
		b.endSingle(syscall.SIGHUP)
	case b.deadline.IsZero():
		if b.first == 0 {
			b.first = syscall.SIGHUP
		}
		b.stop(syscall.SIGHUP, lifecycle.Command)
		b.deadline = now.Add(2 * time.Second)
	}
}

// pause and resume are lanyard's own stop: the time between is not the
// children's, who were stopped too.
func (b *book) pause(now time.Time) {
	if b.paused.IsZero() {
		b.paused = now
	}
}

func (b *book) resume(now time.Time) {
	if !b.paused.IsZero() && !b.deadline.IsZero() {
		b.deadline = b.deadline.Add(now.Sub(b.paused))
	}
	b.paused = time.Time{}
}
