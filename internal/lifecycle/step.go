package lifecycle

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// ErrVanished is the Err of a container that was gone before its command ran,
// although nobody here killed it and no step of its start failed.
var ErrVanished = errors.New("its first process disappeared during the start (killed from outside, or out of memory); see the kernel log")

// Step returns the state after ev and what the caller has to do, in order. It
// does not change s. A pair that can't happen panics and names both: it means
// that the engine or the caller broke its contract. now is the time of the
// event.
func Step(s State, ev Event, now time.Time) (State, []Effect) {
	switch s.Phase {
	case Idle:
		return idle(s, ev, now)
	case Starting:
		return starting(s, ev, now)
	case Up:
		return up(s, ev, now)
	case Stopping:
		return stopping(s, ev, now)
	case Killing:
		return killing(s, ev, now)
	case Exited:
		return exited(s, ev, now)
	case Down:
		return down(s, ev)
	}
	return impossible(s, ev)
}

func idle(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnStart:
		s.Phase, s.Begun = Starting, now
		return s, []Effect{{Do: DoStart}}
	case OnStop, OnKill:
		s.Phase, s.Ended = Down, now // told to end before its start: it never starts
		return s, nil
	case OnSignal:
		return s, nil // nobody is there to receive it
	}
	return impossible(s, ev)
}

func starting(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnStarted:
		s.Phase = Up
		return ran(s, ev, now), nil
	case OnFailed:
		return failed(s, ev, now), nil
	case OnSignal:
		return s, send(ev)
	case OnStop:
		s.Phase = Stopping
		return s, send(ev)
	case OnKill:
		return kill(s)
	case OnGone:
		return gone(s, ev, now), nil
	}
	return impossible(s, ev)
}

func up(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnSignal:
		return s, send(ev)
	case OnStop:
		s.Phase = Stopping
		return s, send(ev)
	case OnKill:
		return kill(s)
	case OnExited:
		s.Phase = Exited
		return settle(s, ev, now), nil
	case OnGone:
		return gone(s, ev, now), nil
	}
	return impossible(s, ev)
}

func stopping(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnSignal:
		return s, send(ev)
	case OnStop:
		return s, nil // it has been told
	case OnKill, OnDeadline:
		return kill(s)
	case OnStarted, OnFailed, OnExited, OnGone:
		return ending(s, ev, now)
	}
	return impossible(s, ev)
}

func killing(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnSignal, OnStop, OnKill, OnDeadline:
		return s, nil // nothing is stronger than KILL
	case OnStarted, OnFailed, OnExited, OnGone:
		return ending(s, ev, now)
	}
	return impossible(s, ev)
}

// ending decides what the engine reports of a container in Stopping or
// Killing. Both are entered from Starting too, so the start may still succeed
// or fail there.
func ending(s State, ev Event, now time.Time) (State, []Effect) {
	switch {
	case ev.Kind == OnStarted && !s.HasRun():
		return ran(s, ev, now), nil
	case ev.Kind == OnFailed && !s.HasRun():
		return failed(s, ev, now), nil
	case ev.Kind == OnExited && s.HasRun():
		s.Phase = Exited
		return settle(s, ev, now), nil
	case ev.Kind == OnGone:
		return gone(s, ev, now), nil
	}
	return impossible(s, ev)
}

func exited(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnSignal, OnStop:
		return s, nil // the command is gone, the rest has been killed
	case OnDeadline:
		return s, nil // it did end in time
	case OnKill:
		return s, []Effect{{Do: DoKill}} // helps if finishing hangs; its status stands
	case OnGone:
		return gone(s, ev, now), nil
	}
	return impossible(s, ev)
}

func down(s State, ev Event) (State, []Effect) {
	switch ev.Kind {
	case OnSignal, OnStop, OnKill, OnDeadline:
		return s, nil
	}
	return impossible(s, ev)
}

func impossible(s State, ev Event) (State, []Effect) {
	when := ""
	if s.HasRun() {
		when = " after its command ran"
	}
	panic(fmt.Sprintf("internal error: event %q in state %q%s", ev.Kind, s.Phase, when))
}

func send(ev Event) []Effect {
	return []Effect{{Do: DoSignal, Sig: ev.Sig, To: ev.To}}
}

func kill(s State) (State, []Effect) {
	s.Phase, s.Killed = Killing, true
	return s, []Effect{{Do: DoKill}}
}

func ran(s State, ev Event, now time.Time) State {
	s.Ran, s.PID = now, ev.PID
	return s
}

func failed(s State, ev Event, now time.Time) State {
	if s.Phase != Killing { // what a start that we killed complains about is our doing
		s.Err = ev.Err
	}
	s.Phase, s.Ended = Exited, now
	return s
}

// gone ends a container. Most were Exited before; one whose first process was
// killed is gone at once.
func gone(s State, ev Event, now time.Time) State {
	switch {
	case s.Phase == Exited:
		if s.Err == nil {
			s.Err = ev.Err
		}
		if ev.Status.OOM && !s.Status.OOM { // the counter was read again at the end
			s.Status.OOM = true
			s.OOMs++
		}
	case s.HasRun():
		s = settle(s, ev, now)
	default:
		if s.Ended = now; !s.Killed {
			if s.Err = ev.Err; s.Err == nil {
				s.Err = ErrVanished
			}
		}
	}
	s.Phase = Down
	return s
}

// settle notes how the command ended. A command that ended by itself before
// our KILL reached it was not killed by us.
func settle(s State, ev Event, now time.Time) State {
	s.Status, s.Ended = ev.Status, now
	if ev.Err != nil {
		s.Err = ev.Err
	}
	if s.Status.OOM {
		s.OOMs++
	}
	if s.Status.OOM || s.Status != (Status{}) && s.Status.Signal != syscall.SIGKILL {
		s.Killed = false
	}
	return s
}
