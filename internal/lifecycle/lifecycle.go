// Package lifecycle holds the states of one container and the rules that lead
// from one to the next. It is pure: no goroutines, no clock, no I/O. Every
// state x event pair is decided in step.go and listed in docs/states.md.
package lifecycle

import (
	"syscall"
	"time"
)

// Phase is where a container stands. It is a string because it goes out on the
// wire as it is.
type Phase string

// The phases, in the order a container goes through them. Stopping, Killing
// and Exited may be left out; only Waiting leads back, to Starting.
const (
	Idle     Phase = "idle"     // nothing has been started
	Starting Phase = "starting" // being built; its command does not run yet
	Up       Phase = "up"       // its command runs
	Stopping Phase = "stopping" // told to end; its command may still be on its way up
	Killing  Phase = "killing"  // KILL has been sent
	Exited   Phase = "exited"   // how its command ended is known; namespace and output are being finished
	Waiting  Phase = "waiting"  // nothing is left of it, and it will be started again (Due)
	Down     Phase = "down"     // nothing is left of it, or it was never started
)

// Policy says whether a container is started again after its command has ended,
// in the words of agent.json and docker. A start that fails, and a container that
// was told to end, are never followed by another start. The zero Policy is Never.
type Policy string

// The restart policies.
const (
	Never     Policy = "no"
	OnFailure Policy = "on-failure" // not after exit status 0
	Always    Policy = "always"
)

// Target says who inside the container receives a signal.
type Target string

// The targets of a signal.
const (
	Command Target = "command" // the command alone
	Group   Target = "group"   // the command's process group
)

// Kind names an event.
type Kind string

// The events. Start, Signal, Stop, Kill, Deadline and Restart are orders; the
// others are what the engine saw.
const (
	OnStart    Kind = "start"    // start it
	OnStarted  Kind = "started"  // its command runs now (PID)
	OnFailed   Kind = "failed"   // it could not be started (Err)
	OnSignal   Kind = "signal"   // pass a signal on, without ending it (Sig, To)
	OnStop     Kind = "stop"     // ask it to end; final (Sig, To)
	OnKill     Kind = "kill"     // KILL it; final
	OnDeadline Kind = "deadline" // the time to end by itself is over
	OnRestart  Kind = "restart"  // the delay before the next start is over
	OnExited   Kind = "exited"   // its command ended (Status)
	OnGone     Kind = "gone"     // its last process and its output are gone (Status, if there was no exited)
	OnOOM      Kind = "oom"      // the kernel killed processes of it for want of memory (OOMs)
)

// Event is one thing that happens to a container. Which fields count depends
// on the kind.
type Event struct {
	Kind   Kind
	PID    int            // OnStarted: the command, as seen from our pid namespace
	Sig    syscall.Signal // OnSignal, OnStop
	To     Target         // OnSignal, OnStop
	Status Status         // OnExited, OnGone
	OOMs   int            // OnOOM, OnExited, OnGone: kills for want of memory that no event told before
	Err    error          // OnFailed; OnExited and OnGone where the engine failed
}

// Action names an effect.
type Action string

// The effects of a step on the container.
const (
	DoStart  Action = "start"  // start it
	DoSignal Action = "signal" // send Sig to To; the engine queues it until the command runs
	DoKill   Action = "kill"   // KILL everything in it
)

// Effect is something the caller has to do after a step.
type Effect struct {
	Do  Action
	Sig syscall.Signal // DoSignal
	To  Target         // DoSignal
}

// Status says how a command ended. The zero Status stands for a container
// that vanished before anybody learnt how.
type Status struct {
	Exited bool           `json:"exited,omitempty"` // by itself, with Code
	Code   int            `json:"code,omitempty"`   // 0 to 255
	Signal syscall.Signal `json:"signal,omitempty"` // that killed it; 0 for none
	OOM    bool           `json:"oom,omitempty"`    // the kernel killed in its cgroup for want of memory
}

// Result returns the exit code that stands for the status, as a shell counts:
// the code, or 128 plus the signal. Where neither is known the answer is 137,
// because only a KILL from outside ends a container without a word.
func (s Status) Result() int {
	switch {
	case s.Signal != 0:
		return 128 + int(s.Signal)
	case s.Exited:
		return s.Code
	default:
		return 128 + int(syscall.SIGKILL)
	}
}

// State is one container. The zero State is not valid; see New.
type State struct {
	Policy   Policy
	Delay    time.Duration // from the end of the command to the next start
	Phase    Phase
	Final    bool      // it was told to end: it will not be started again
	PID      int       // of the command; 0 before it ran
	Status   Status    // of the newest command that ended; none while one runs
	Err      error     // why it could not be started, or how the engine failed
	Killed   bool      // it ended because we killed it
	Restarts int       // how often it was started again and ran; only grows
	OOMs     int       // how often memory ran out; once for one end, however many processes died; only grows
	Begun    time.Time // its newest start was ordered; zero: never
	Ran      time.Time // its command began to run; zero: it has not since Begun
	Ended    time.Time // its end became known; zero: it has not since Begun
	Due      time.Time // Waiting: when it is started again. Until the command runs, that it is a restart
	counted  bool      // an OOM that ended the newest command is in OOMs
}

// New returns a container that has not been started.
func New(policy Policy, delay time.Duration) State {
	return State{Policy: policy, Delay: delay, Phase: Idle}
}

// Over says whether the command has ended or will never run. Processes of the
// container may still be there; see Down.
func (s State) Over() bool { return s.Phase == Exited || s.Phase == Waiting || s.Phase == Down }

// HasRun says whether the command began to run since the newest start.
func (s State) HasRun() bool { return !s.Ran.IsZero() }

// Up says whether the command runs.
func (s State) Up() bool { return s.HasRun() && !s.Over() }

// Restarting says whether another start will follow, or is on its way. While the command runs that depends on how it will end:
// false.
func (s State) Restarting() bool {
	switch {
	case s.Up():
		return false
	case s.Over():
		return s.Phase == Waiting || s.Phase == Exited && s.again()
	default: // on its way up, even if it was told to end meanwhile
		return !s.Due.IsZero()
	}
}

// again says whether the end of the command leads to another start.
func (s State) again() bool {
	if s.Final || !s.HasRun() {
		return false
	}
	return s.Policy == Always || s.Policy == OnFailure && s.Status.Result() != 0
}

// Lasted returns how long the command ran, measured at now while it runs;
// 0 if it never did.
func (s State) Lasted(now time.Time) time.Duration {
	switch {
	case !s.HasRun():
		return 0
	case s.Ended.IsZero():
		return now.Sub(s.Ran)
	default:
		return s.Ended.Sub(s.Ran)
	}
}

// Snapshot is a State as it is shown to others: complete and serialisable.
type Snapshot struct {
	Name       string    `json:"name"`
	Phase      Phase     `json:"state"`
	Generation uint64    `json:"generation"` // counts the starts; 0 before the first
	PID        int       `json:"pid,omitempty"`
	Up         bool      `json:"up"` // the command runs
	Restarting bool      `json:"restarting"`
	Final      bool      `json:"final,omitempty"` // it was told to end
	Status     Status    `json:"status"`
	Error      string    `json:"error,omitempty"`
	Killed     bool      `json:"killed,omitempty"`
	Restarts   int       `json:"restarts"`
	OOMs       int       `json:"ooms"`
	Begun      time.Time `json:"begun,omitzero"`
	Ran        time.Time `json:"ran,omitzero"`
	Ended      time.Time `json:"ended,omitzero"`
}

// Snapshot returns what others may see of the container called name in its
// given generation.
func (s State) Snapshot(name string, generation uint64) Snapshot {
	shot := Snapshot{
		Name: name, Phase: s.Phase, Generation: generation, PID: s.PID,
		Up: s.Up(), Restarting: s.Restarting(), Final: s.Final,
		Status: s.Status, Killed: s.Killed, Restarts: s.Restarts, OOMs: s.OOMs,
		Begun: s.Begun, Ran: s.Ran, Ended: s.Ended,
	}
	if s.Err != nil {
		shot.Error = s.Err.Error()
	}
	return shot
}
