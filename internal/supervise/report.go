package supervise

import (
	"fmt"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"golang.org/x/sys/unix"
)

// reporter tells on stderr what becomes of the container.
type reporter struct {
	say    func(string)
	policy lifecycle.Policy
	delay  time.Duration
}

// Report is called by the loop; say never blocks.
func (r *reporter) Report(report supervisor.Report) {
	switch v := report.(type) {
	case supervisor.Ended:
		r.say(v.Name + " " + outcome(&v.Outcome) + r.next(&v))
	case supervisor.Signalled:
		name := unix.SignalName(v.Signal)
		switch v.Response {
		case group.Ends:
			r.say("received " + name + ": stopping the container, then ending; nothing is killed before a second TERM or INT")
		case group.Kills:
			r.say("received " + name + ": killing the container")
		}
	case supervisor.Frozen:
		r.say(v.Child + " can't end: " + v.Why)
	case supervisor.Stuck:
		why := v.Why
		if why == "" {
			why = "the kernel has not ended its last process yet"
		}
		r.say(fmt.Sprintf("%s is still not gone after %.0f s: %s", v.Child, v.For.Seconds(), why))
	}
}

// next says what follows an end.
func (r *reporter) next(v *supervisor.Ended) string {
	switch {
	case v.Again:
		return fmt.Sprintf("; restarting it in %v", r.delay)
	case v.Err != nil && !v.HasRun:
		return "; put that right and start again: this supervisor waits for exit"
	}
	return ""
}

func outcome(o *supervisor.Outcome) string {
	after := fmt.Sprintf(" after %v", o.Ran.Round(time.Millisecond))
	switch {
	case o.Err != nil && !o.HasRun:
		return "could not be started: " + o.Err.Error()
	case o.Err != nil:
		return "was lost: " + o.Err.Error()
	case !o.HasRun:
		return "was stopped before its command ran"
	case o.Status.OOM:
		return "was killed by the kernel: out of memory" + after
	case o.Killed:
		return "was killed as it was asked for" + after
	case o.Status.Signal == syscall.SIGKILL:
		return "was killed by signal 9 (SIGKILL), from outside" + after
	case o.Status.Signal != 0:
		return fmt.Sprintf("was killed by signal %d (%s)%s", int(o.Status.Signal), unix.SignalName(o.Status.Signal), after)
	}
	return fmt.Sprintf("exited with status %d%s", o.Status.Code, after)
}
