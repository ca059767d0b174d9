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
	case Waiting:
		return waiting(s, ev, now)
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
		s.Phase, s.Ended, s.Final = Down, now, true // told to end before its start: it never starts
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
	case OnOOM:
		return countOOM(s, ev), nil
	case OnSignal:
		return s, send(ev)
	case OnStop:
		s.Phase, s.Final = Stopping, true
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
	case OnOOM:
		return countOOM(s, ev), nil
	case OnSignal:
		return s, send(ev)
	case OnStop:
		s.Phase, s.Final = Stopping, true
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
		return s, send(ev) // it may not have listened yet when it was told first
	case OnKill, OnDeadline:
		return kill(s)
	case OnStarted, OnFailed, OnOOM, OnExited, OnGone:
		return ending(s, ev, now)
	}
	return impossible(s, ev)
}

func killing(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnSignal, OnStop, OnKill, OnDeadline:
		return s, nil // nothing is stronger than KILL
	case OnStarted, OnFailed, OnOOM, OnExited, OnGone:
		return ending(s, ev, now)
	}
	return impossible(s, ev)
}

// ending decides what the engine reports of a container in Stopping or
// Killing. Both are entered from Starting too, so the start may still succeed
// or fail there.
func ending(s State, ev Event, now time.Time) (State, []Effect) {
	switch {
	case ev.Kind == OnOOM:
		return countOOM(s, ev), nil
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
	case OnSignal:
		return s, nil // the command is gone, the rest has been killed
	case OnStop:
		s.Final = true
		return s, nil
	case OnDeadline:
		return s, nil // it did end in time
	case OnKill:
		s.Final = true
		return s, []Effect{{Do: DoKill}} // helps if finishing hangs; its status stands
	case OnOOM:
		return countEnd(s, ev), nil
	case OnGone:
		return gone(s, ev, now), nil
	}
	return impossible(s, ev)
}

func waiting(s State, ev Event, now time.Time) (State, []Effect) {
	switch ev.Kind {
	case OnSignal, OnDeadline:
		return s, nil // nobody is there
	case OnStop, OnKill:
		s.Phase, s.Final, s.Due = Down, true, time.Time{}
		return s, nil
	case OnOOM:
		return countEnd(s, ev), nil
	case OnRestart:
		s.Phase, s.Begun, s.Ran, s.Ended = Starting, now, time.Time{}, time.Time{}
		s.PID, s.Err, s.Killed, s.counted = 0, nil, false, false
		return s, []Effect{{Do: DoStart}}
	}
	return impossible(s, ev)
}

func down(s State, ev Event) (State, []Effect) {
	switch ev.Kind {
	case OnSignal, OnDeadline:
		return s, nil
	case OnStop, OnKill:
		s.Final = true
		return s, nil
	case OnOOM:
		return countEnd(s, ev), nil
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
	s.Phase, s.Final, s.Killed = Killing, true, true
	return s, []Effect{{Do: DoKill}}
}

// countOOM counts processes that the kernel killed while the container went on.
func countOOM(s State, ev Event) State {
	s.OOMs += ev.OOMs
	return s
}

// countEnd counts what is told around the end of the command: one OOM that
// ends a container is one, however many processes died of it.
func countEnd(s State, ev Event) State {
	if ev.OOMs > 0 && !s.counted {
		s.OOMs++
		s.counted = true
	}
	return s
}

func ran(s State, ev Event, now time.Time) State {
	s.Ran, s.PID, s.Status = now, ev.PID, Status{}
	if !s.Due.IsZero() {
		s.Restarts++
		s.Due = time.Time{}
	}
	return s
}

func failed(s State, ev Event, now time.Time) State {
	if s.Phase != Killing { // what a start that we killed complains about is our doing
		s.Err = ev.Err
	}
	s.Phase, s.Ended, s.Status, s.Due = Exited, now, Status{}, time.Time{}
	return s
}

// gone ends a container, or one of its runs. Most were Exited before; one whose
// first process was killed is gone at once.
func gone(s State, ev Event, now time.Time) State {
	switch {
	case s.Phase == Exited:
		if s.Err == nil {
			s.Err = ev.Err
		}
		s.Status.OOM = s.Status.OOM || ev.Status.OOM // the counter was read again at the end
		s = countEnd(s, ev)
	case s.HasRun():
		s = settle(s, ev, now)
	default:
		s.Ended, s.Status, s.Due = now, Status{}, time.Time{}
		if !s.Killed {
			if s.Err = ev.Err; s.Err == nil {
				s.Err = ErrVanished
			}
		}
	}
	if s.Phase = Down; s.again() {
		s.Phase, s.Due = Waiting, s.Ended.Add(s.Delay)
	}
	return s
}

// settle notes how the command ended. A command that ended by itself before
// our KILL reached it was not killed by us.
func settle(s State, ev Event, now time.Time) State {
	s.Status, s.Ended = ev.Status, now
	if ev.Err != nil {
		s.Err = ev.Err
	}
	s = countEnd(s, ev)
	if s.Status.OOM || s.Status != (Status{}) && s.Status.Signal != syscall.SIGKILL {
		s.Killed = false
	}
	return s
}
