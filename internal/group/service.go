package group

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// serviceSignal takes a signal to the lanyard of a Service: it leaves once the
// child is down. Nothing escalates by itself: only a second TERM, INT or QUIT
// kills.
func (t *turn) serviceSignal(sig syscall.Signal) {
	if t.phase == PhaseDone {
		return
	}
	switch sig {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM:
		t.hits++
		t.leaveBy(sig)
	case syscall.SIGHUP:
		t.leaveBy(sig)
	case syscall.SIGUSR1, syscall.SIGUSR2:
		if t.phase == PhaseNew {
			t.keep(sig)
			return
		}
		t.pass(sig, lifecycle.Group)
	}
}

func (t *turn) leaveBy(sig syscall.Signal) {
	response := Ends
	if sig != syscall.SIGHUP && t.hits > 1 {
		response = Kills
	}
	t.leave = true
	t.report(Signalled{Signal: sig, Response: response})
	switch response {
	case Ends:
		t.phase = PhaseRunning // also if nothing has been started yet
		t.request(OnStop)
	case Kills:
		t.request(OnKill)
	}
}

// request takes what a client of a Service asks for, and what signals to its
// lanyard amount to.
func (t *turn) request(kind Kind) {
	if t.phase == PhaseDone {
		return
	}
	switch kind {
	case OnStop:
		t.tellAll(lifecycle.Event{Kind: lifecycle.OnStop, Sig: syscall.SIGTERM, To: lifecycle.Command})
	case OnKill:
		t.tellAll(lifecycle.Event{Kind: lifecycle.OnKill})
	case OnExit:
		for _, c := range t.children {
			t.leave = t.leave || c.Over() && !c.Restarting()
		}
	}
}
