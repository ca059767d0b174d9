// Package supervisor is the loop that runs a group of containers. It is the
// only owner of their state: signals, what the engine sees and the timer come
// in one after another, the rules of package group decide, and the loop carries
// out what they ask for. Nothing it calls may block.
package supervisor

import (
	"os"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// Kind names what the engine saw of a container.
type Kind string

// What the engine reports of one start, in this order: Started or Failed,
// Stopped any number of times, Exited at most once and only after Started,
// Gone exactly once and last, after Failed too. A container whose first process
// is killed may be Gone without any of the others. OutOfMemory comes at any time
// after the start, and a little after Gone too.
const (
	Started = Kind(group.OnStarted) // its command runs (PID)
	Failed  = Kind(group.OnFailed)  // it could not be started (Err, Internal)
	Stopped = Kind(group.OnStopped) // its command was stopped by job control
	Exited  = Kind(group.OnExited)  // its command ended (Status)
	Gone    = Kind(group.OnGone)    // no process and no output of it is left (Status, if there was no Exited)

	OutOfMemory = Kind(group.OnOOM) // the kernel killed processes of it for want of memory (OOMs)
)

// Event is one thing that the engine saw of a container.
type Event struct {
	Child    int    // index in Config.Group.Names
	Gen      uint64 // as given to Engine.Start
	Kind     Kind
	PID      int              // Started: the command, as seen from our pid namespace
	Status   lifecycle.Status // Exited, Gone
	OOMs     int              // OutOfMemory, Exited, Gone: such kills that no event told before
	Err      error            // Failed: the step, the path and the errno; Exited, Gone: where lanyard failed
	Internal bool             // Err is a failure of lanyard itself, not of what it was asked to start
}

// Container is one started container. No method blocks. All may be called from
// the return of Engine.Start on, also after Gone, and are called by one
// goroutine only.
type Container interface {
	// Signal sends sig to the command or to its process group, once the
	// command runs. An error is not reported: what matters shows as an event.
	Signal(sig syscall.Signal, to lifecycle.Target)
	// Kill kills every process of the container.
	Kill()
	// Stuck says why the container is not gone yet, in a few words, from a
	// quick look into /proc; "" if it doesn't know.
	Stuck() string
	// Frozen says that the command was frozen from outside, by whom, and what
	// thaws it; "" if it was not. It takes some 0.1 ms.
	Frozen() string
}

// Engine starts containers.
type Engine interface {
	// Start begins to start a child and returns at once. What becomes of it
	// goes to notify, in the order it happens, from any goroutine, from within
	// Start too, and also after Run has returned; notify never blocks. gen goes
	// back in every event.
	Start(child int, gen uint64, notify func(Event)) Container
}

// Reporter tells the user. Report is called by the loop's goroutine and must
// not block.
type Reporter interface{ Report(Report) }

// Job stops and continues lanyard itself.
type Job interface {
	// Suspend gives the terminal back and stops this process; it returns when
	// the process has been continued.
	Suspend()
	// Resume takes the terminal again; the children are continued next.
	Resume()
}

// Config is what Run needs. Engine and Reporter have to be set; whatever else
// is nil is done without. The time is that of package time, its monotonic part:
// a wall clock that jumps changes nothing, and tests run in a synctest bubble.
type Config struct {
	Group     group.Config
	Engine    Engine
	Reporter  Reporter
	Job       Job
	Signals   <-chan os.Signal // that lanyard received; closed: none will come
	Hangup    <-chan struct{}  // receives, or is closed, when the terminal is gone
	Snapshots []*Mailbox       // each gets the state of all children after each change
	Probe     <-chan struct{}  // has no room: what was sent has been received by the loop
	Requests  <-chan Request   // of clients; for a service
}

// Ask is what a client wants of a service.
type Ask string

// What clients may ask.
const (
	AskStop = Ask(group.OnStop) // ask its command to end; final
	AskKill = Ask(group.OnKill) // KILL it; final
	AskExit = Ask(group.OnExit) // Run is to return; nothing if the container is up, or will be
)

// Request is one client's wish.
type Request struct {
	Ask Ask
	// Done gets the Version of the first Publication in which the request has
	// taken effect. It has room for it: the loop does not wait.
	Done chan<- uint64
}

// What the loop tells the user: a Report is one of the other types, which
// package group explains.
type (
	Report        = group.Report
	StartedReport = group.Started
	First         = group.First
	Signalled     = group.Signalled
	Ending        = group.Ending
	Killed        = group.Killed
	Ended         = group.Ended
	Stuck         = group.Stuck
	Frozen        = group.Frozen
	Summary       = group.Summary
	Outcome       = group.Outcome
	Result        = group.Result
	Snapshot      = lifecycle.Snapshot
)
