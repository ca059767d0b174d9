// Package group holds the rules for running many containers as one: when the
// group ends, what its result is, who is told what and when. It is pure: no
// goroutines, no clock, no I/O; docs/states.md lists its phases.
package group

import (
	"slices"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// How long a container that should be gone is waited for in silence, how often
// it is named after that, and what a command has left when its terminal goes.
const (
	StuckAfter  = 2 * time.Second
	StuckEvery  = 10 * time.Second
	HangupGrace = 2 * time.Second
)

// Exit codes that are lanyard's own.
const (
	CodeInternal = 121 // lanyard failed
	CodeNotFound = 127 // nothing selected, or a child could not be started
)

// Config is what a group is made of. It is not changed after that.
type Config struct {
	Names []string      // of the children; an event's Child is an index into it
	Mode  plan.Mode     // "" means stop-on-failure
	Grace time.Duration // from TERM to KILL; 0 = KILL right after TERM
	// Single says that this is a !Command alone: Names has one element, its
	// exit is the result, there is no kill timer. Mode and Grace don't count.
	Single bool
	// Service says that this is a container which is to be there until somebody
	// asks for its end: Names has one element. It is started again by Restart and
	// Delay, its exit ends nothing, and the code is 0 (docs/control-protocol.md).
	// Mode and Grace don't count: nothing is killed but on request.
	Service bool
	Restart lifecycle.Policy // Service
	Delay   time.Duration    // Service: from an exit to the next start
}

// Phase is where a group stands.
type Phase string

// The phases of a group, in order. PhaseEnding and PhaseKilling may be left out.
const (
	PhaseNew     Phase = "new"     // nothing has been started
	PhaseRunning Phase = "running" // the result is open
	PhaseEnding  Phase = "ending"  // the result is fixed, the children have been told to end
	PhaseKilling Phase = "killing" // what is left has been killed
	PhaseDone    Phase = "done"    // every child is down
)

// State is a group and its children. Step makes a new one and leaves the old
// one as it was.
type State struct {
	cfg      Config
	phase    Phase
	children []lifecycle.State
	late     []late // per child: is it overdue
	result   Result
	hits     int              // INT, QUIT and TERM sent to lanyard
	hup      bool             // HUP was acted on
	first    syscall.Signal   // the first signal that was to end a Single
	early    []syscall.Signal // to pass on once the children are started
	killAt   time.Time        // zero: no deadline
	leave    bool             // a Service that ends when its child is down
	ready    bool             // see Ready
	armed    time.Time        // what the caller's timer is set to; zero: off
	paused   time.Time        // since when lanyard is stopped; zero: it is not
}

// late is the clock of a child that should be gone: since when, and when it is
// named next. Zero: it is not overdue.
type late struct{ since, next time.Time }

// New returns a group of which nothing has been started.
func New(cfg Config) State {
	children := make([]lifecycle.State, len(cfg.Names))
	for i := range children {
		children[i] = lifecycle.New(cfg.Restart, cfg.Delay)
	}
	return State{cfg: cfg, phase: PhaseNew, children: children, late: make([]late, len(children))}
}

// Phase returns where the group stands.
func (s State) Phase() Phase { return s.phase }

// Ready says whether the start is over: every child's command has run at a time
// when the group was not ending yet. A Service is ready with a start that failed,
// too: that is a state which it tells, and it stays. Once true it stays so.
func (s State) Ready() bool { return s.ready }

// Ending says whether the group has begun to end, and will not go on.
func (s State) Ending() bool {
	return s.leave || s.phase == PhaseEnding || s.phase == PhaseKilling || s.phase == PhaseDone
}

// Result returns what is known of the result: its Cause is "" while the group
// runs on, its Children are filled in at the end.
func (s State) Result() Result { return s.result }

// Child returns the state of child i.
func (s State) Child(i int) lifecycle.State { return s.children[i] }

// Len returns the number of children.
func (s State) Len() int { return len(s.children) }

func (s State) clone() State {
	s.children = slices.Clone(s.children)
	s.late = slices.Clone(s.late)
	s.early = slices.Clone(s.early)
	return s
}

// Kind names an event.
type Kind string

// The events. Those of a child carry Child.
const (
	OnStart   Kind = "start"   // start all children
	OnSignal  Kind = "signal"  // lanyard received Sig
	OnHangup  Kind = "hangup"  // the terminal is gone
	OnTick    Kind = "tick"    // the timer that was armed ran out (or any other time)
	OnStarted Kind = "started" // a child's command runs (PID)
	OnFailed  Kind = "failed"  // a child could not be started (Err, Internal)
	OnStopped Kind = "stopped" // a child's command was stopped by job control
	OnExited  Kind = "exited"  // a child's command ended (Status)
	OnGone    Kind = "gone"    // nothing is left of a child (Status)
	OnOOM     Kind = "oom"     // processes of a child were killed for want of memory (OOMs)

	// What clients ask of a Service.
	OnStop Kind = "stop" // ask its command to end; final
	OnKill Kind = "kill" // KILL it; final
	OnExit Kind = "exit" // lanyard is to end; nothing if the child is up, or will be
)

// Event is one thing that happens to the group or to one of its children.
type Event struct {
	Kind     Kind
	Child    int
	Sig      syscall.Signal
	PID      int
	Status   lifecycle.Status
	OOMs     int // OnOOM, OnExited, OnGone: see lifecycle.Event
	Err      error
	Internal bool // Err is a failure of lanyard itself, not of what it was asked to start
}

// Action names an effect.
type Action string

// The effects of a step, for the caller to carry out in order.
const (
	DoStart   Action = "start"   // start Child
	DoSignal  Action = "signal"  // send Sig to To of Child
	DoKill    Action = "kill"    // KILL Child
	DoArm     Action = "arm"     // set the one timer to At
	DoDisarm  Action = "disarm"  // turn the timer off
	DoReport  Action = "report"  // tell the user Report (of Child, if it is about one)
	DoSuspend Action = "suspend" // stop lanyard itself
	DoResume  Action = "resume"  // lanyard goes on: take the terminal back
	DoDone    Action = "done"    // all is over; State.Result is complete. Always last
)

// Effect is one thing that the caller has to do after a step.
type Effect struct {
	Do     Action
	Child  int
	Sig    syscall.Signal
	To     lifecycle.Target
	At     time.Time
	Report Report
}
