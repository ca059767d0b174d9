package group

import (
	"slices"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// signal takes a signal that lanyard received. One that is not listed here is
// not for the children.
func (t *turn) signal(sig syscall.Signal) {
	if t.phase == PhaseDone {
		return
	}
	switch sig {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP:
		t.terminate(sig, false)
	case syscall.SIGTSTP:
		t.pass(sig, lifecycle.Group)
		if !t.cfg.Single || t.phase == PhaseNew {
			t.suspend() // a single command decides itself: its stop follows as an event
		}
	case syscall.SIGCONT:
		t.resume()
		t.pass(sig, lifecycle.Group)
	case syscall.SIGWINCH, syscall.SIGUSR1, syscall.SIGUSR2:
		if t.phase == PhaseNew {
			t.keep(sig)
			return
		}
		t.pass(sig, lifecycle.Group)
	}
}

// keep remembers a signal for children that are not there yet, once, as the
// kernel does (signal(7), "Queueing and delivery semantics for standard
// signals").
func (t *turn) keep(sig syscall.Signal) {
	if !slices.Contains(t.early, sig) {
		t.early = append(t.early, sig)
	}
}

func (t *turn) pass(sig syscall.Signal, to lifecycle.Target) {
	t.tellAll(lifecycle.Event{Kind: lifecycle.OnSignal, Sig: sig, To: to})
}

// translate says what a child receives for a signal to lanyard, and who of the
// child. Ctrl-C goes to all of a process group as a terminal would send it;
// only a single command sees a HUP, the children of a group are asked to end.
func (t *turn) translate(sig syscall.Signal) (syscall.Signal, lifecycle.Target) {
	switch {
	case sig == syscall.SIGINT || sig == syscall.SIGQUIT:
		return sig, lifecycle.Group
	case t.cfg.Single:
		return sig, lifecycle.Command
	default:
		return syscall.SIGTERM, lifecycle.Command
	}
}

// terminate takes INT, QUIT, TERM or HUP, and the loss of the terminal as a
// HUP.
func (t *turn) terminate(sig syscall.Signal, hangup bool) {
	if sig != syscall.SIGHUP {
		t.hits++
	}
	response := t.respond(sig)
	t.hup = t.hup || sig == syscall.SIGHUP
	t.report(Signalled{Signal: sig, Hangup: hangup, Response: response})
	switch response {
	case Ends:
		t.result = Result{Code: 128 + int(sig), Cause: BySignal, Signal: sig}
		t.phase = PhaseRunning // also if nothing has been started yet
		t.end(t.translate(sig))
	case Passed:
		t.noteFirst(sig)
		t.pass(t.translate(sig))
	case Kills:
		t.kill(lifecycle.OnKill)
	}
}

func (t *turn) noteFirst(sig syscall.Signal) {
	if t.first == 0 {
		t.first = sig
	}
}

// respond decides what a signal that was just counted leads to.
func (t *turn) respond(sig syscall.Signal) Response {
	hup := sig == syscall.SIGHUP
	switch {
	case t.phase == PhaseKilling:
		return Ignored
	case t.phase == PhaseNew, t.phase == PhaseRunning && !t.cfg.Single:
		return Ends
	case !hup && t.hits >= 2:
		return Kills
	case hup && !t.cfg.Single && (t.hup || t.hits > 0):
		return Ignored // they have been told already
	default:
		return Passed
	}
}

// hangup takes the loss of the terminal. A single command that does not end of
// the HUP is killed: nobody could ever reach it again.
func (t *turn) hangup() {
	if t.phase == PhaseDone {
		return
	}
	if !t.cfg.Single || t.phase != PhaseRunning {
		t.terminate(syscall.SIGHUP, true)
		return
	}
	if !t.killAt.IsZero() {
		return // the terminal can't go twice
	}
	t.noteFirst(syscall.SIGHUP)
	t.killAt = t.now.Add(HangupGrace)
	t.tellAll(lifecycle.Event{Kind: lifecycle.OnStop, Sig: syscall.SIGHUP, To: lifecycle.Command})
	t.report(Signalled{Signal: syscall.SIGHUP, Hangup: true, Response: Passed})
	t.report(Ending{Waiting: t.waiting(), Until: t.killAt})
}

// stopped takes a command that job control stopped: lanyard stops with a single
// one, so that the shell gets the terminal back. Not if it is about to be
// killed: nobody would be awake to do it.
func (t *turn) stopped() {
	if t.cfg.Single && t.phase == PhaseRunning && t.killAt.IsZero() {
		t.suspend()
	}
}

func (t *turn) suspend() {
	if t.paused.IsZero() {
		t.paused = t.now
	}
	t.do(Effect{Do: DoSuspend})
}

// resume gives the children back the time that lanyard was stopped: they were
// stopped too.
func (t *turn) resume() {
	t.do(Effect{Do: DoResume})
	if t.paused.IsZero() {
		return
	}
	lost := t.now.Sub(t.paused)
	t.paused = time.Time{}
	if !t.killAt.IsZero() {
		t.killAt = t.killAt.Add(lost)
	}
	for i, l := range t.late {
		if !l.since.IsZero() {
			t.late[i] = late{since: l.since.Add(lost), next: l.next.Add(lost)}
		}
	}
}
