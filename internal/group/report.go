package group

import (
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// Cause says what fixed the result of a group.
type Cause string

// The causes of a result.
const (
	ByExit     Cause = "exit"          // a child's command ended
	BySignal   Cause = "signal"        // lanyard received a signal
	ByStart    Cause = "start-failure" // a child could not be started
	ByInternal Cause = "internal"      // lanyard itself failed
	BySuccess  Cause = "success"       // all children exited with 0, as the mode asks
)

// Result is how a group ended.
type Result struct {
	Code     int // exit code for lanyard
	Cause    Cause
	Child    string           // ByExit, ByStart, ByInternal: whose
	Status   lifecycle.Status // ByExit
	Signal   syscall.Signal   // BySignal
	Err      error            // ByStart, ByInternal: which step failed and why
	Children []Outcome        // one per child, in the order of Config.Names
}

// Outcome is how one child ended.
type Outcome struct {
	Name    string
	Started bool             // its start was ordered
	HasRun  bool             // its command ran
	Status  lifecycle.Status // valid if HasRun
	Err     error            // why it could not be started, or how lanyard failed
	Killed  bool             // it ended because we killed it
	Ran     time.Duration    // how long its command ran
}

// Report is something to tell the user. It is one of Started, First,
// Ended, Signalled, Ending, Killed, Stuck, Frozen and Summary.
type Report interface{ report() }

// Started says that a child's command runs.
type Started struct {
	Child string
	PID   int
	Took  time.Duration // from the order to start it
}

// First says who went first and so fixed the result.
type First struct {
	Outcome
	Cause Cause // ByExit, ByStart, ByInternal
	Code  int   // the result
}

// Ended says that the command of a Service ended, or could not be started.
type Ended struct {
	Outcome
	Again bool // it is started again after the delay
}

// Response is what a signal to lanyard led to.
type Response string

// The responses to a signal.
const (
	Ends    Response = "ends"    // the group ends because of it
	Passed  Response = "passed"  // it was passed on to children that are ending anyway, or to a single command
	Kills   Response = "kills"   // it was one too many: what is left was killed
	Ignored Response = "ignored" // nothing more can be done
)

// Signalled says that lanyard received INT, QUIT, TERM or HUP, or that its
// terminal is gone.
type Signalled struct {
	Signal   syscall.Signal
	Hangup   bool // the terminal is gone; Signal is HUP
	Response Response
}

// Ending says that children have been told to end.
type Ending struct {
	Waiting []string  // whose command is still there
	Until   time.Time // when they are killed; zero: they are killed at once
}

// Killed says who had to be killed.
type Killed struct{ Children []string }

// Stuck says that a child should be gone but is not. It is repeated every
// StuckEvery.
type Stuck struct {
	Child string
	For   time.Duration // since it was killed, or since its command ended
	Why   string        // filled in by the loop, which can ask the container
}

// Frozen says that a child was told to end and can't, because somebody has frozen
// it. It is the loop that finds out, right after the signal.
type Frozen struct{ Child, Why string }

// Summary comes last: one Outcome per child.
type Summary struct{ Result Result }

func (Started) report()   {}
func (First) report()     {}
func (Ended) report()     {}
func (Signalled) report() {}
func (Ending) report()    {}
func (Killed) report()    {}
func (Stuck) report()     {}
func (Frozen) report()    {}
func (Summary) report()   {}
