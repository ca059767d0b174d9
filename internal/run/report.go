package run

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"golang.org/x/sys/unix"
)

// reporter tells on stderr what happens to a group, and of a single command
// only what its own output does not show.
type reporter struct {
	screen *screen
	specs  []*container.Spec
	single bool
	tail   func() // shows the last lines of the child that went first, once; nil before that

	received []syscall.Signal // each once
	hurried  bool             // a second signal kills what is left
}

// lastLines is how many lines of a child's output are shown when it ends the
// group and its output went elsewhere.
const lastLines = 10

// Report is called by the loop; messages are queued, so it never blocks.
func (r *reporter) Report(report supervisor.Report) {
	say := r.screen.mux.Message
	switch v := report.(type) {
	case supervisor.First:
		r.first(&v)
	case supervisor.Signalled:
		if text := r.signalled(&v); text != "" {
			say(text)
		}
	case supervisor.Ending:
		if len(v.Waiting) > 0 && !v.Until.IsZero() {
			say(fmt.Sprintf("stopping %s; killed if still there at %s (in %s)",
				strings.Join(v.Waiting, ", "), v.Until.Format("15:04:05"), seconds(time.Until(v.Until))))
		}
	case supervisor.Killed:
		what := "killed what did not end in time: "
		if r.hurried {
			what = "killed: "
		}
		say(what + strings.Join(v.Children, ", "))
	case supervisor.Frozen:
		say(v.Child + " can't end: " + v.Why)
	case supervisor.Stuck:
		why := v.Why
		if why == "" {
			why = "the kernel has not ended its last process yet"
		}
		say(fmt.Sprintf("%s is still not gone after %s: %s", v.Child, seconds(v.For), why))
	case supervisor.Summary:
		if r.single {
			r.singleEnd(&v.Result)
			return
		}
		r.summary(&v.Result)
	}
}

func (r *reporter) first(v *supervisor.First) {
	if r.single {
		return // its Summary says it
	}
	r.screen.mux.Message(v.Name + " " + r.outcome(&v.Outcome))
	if r.screen.sameOutput || !v.HasRun {
		return
	}
	child := r.index(v.Name)
	r.tail = sync.OnceFunc(func() { r.showTail(child) })
	drained, show := r.screen.mux.Drained(child), r.tail
	go func() {
		// Its last line may still be in the pipe; the summary waits for no one.
		select {
		case <-drained:
		case <-time.After(drainIdle):
		}
		show()
	}()
}

func (r *reporter) showTail(child int) {
	lines := r.screen.mux.Tail(child, lastLines)
	if len(lines) == 0 {
		return
	}
	text := fmt.Sprintf("the last output of %s (%d lines):", r.specs[child].Name, len(lines))
	for _, line := range lines {
		text += "\n    " + line
	}
	r.screen.mux.Message(text)
}

func (r *reporter) index(name string) int {
	for i, spec := range r.specs {
		if spec.Name == name {
			return i
		}
	}
	return -1
}

func (r *reporter) signalled(v *supervisor.Signalled) string {
	again := " again"
	if !slices.Contains(r.received, v.Signal) {
		again, r.received = "", append(r.received, v.Signal)
	}
	if v.Hangup {
		return "" // nobody can read it
	}
	name := unix.SignalName(v.Signal)
	switch v.Response {
	case "ends":
		switch {
		case r.single:
			return ""
		case v.Signal == syscall.SIGHUP: // a second HUP changes nothing
			return "received " + name + ": stopping everything"
		}
		return "received " + name + ": stopping everything; a second one kills"
	case "kills":
		r.hurried = true
		return "received " + name + again + ": killing what is left"
	}
	return ""
}

// outcome says how a child ended, for people.
func (r *reporter) outcome(o *supervisor.Outcome) string {
	after := " after " + seconds(o.Ran)
	switch {
	case o.Err != nil && !o.HasRun:
		return "could not be started: " + o.Err.Error()
	case o.Err != nil:
		return "was lost: " + o.Err.Error()
	case !o.HasRun && o.Started:
		return "was stopped before its command ran"
	case !o.HasRun:
		return "was not started"
	case o.Killed:
		return "was killed by lanyard" + after
	case o.Status.OOM:
		return "was killed by the kernel: out of memory (its limit is " + r.memoryLimit(o.Name) + ")" + after
	case o.Status.Signal == syscall.SIGKILL && !r.countsOOM(o.Name):
		return "was killed by signal 9 (SIGKILL, perhaps out of memory)" + after
	case o.Status.Signal != 0:
		return fmt.Sprintf("was killed by signal %d (%s)%s", int(o.Status.Signal), unix.SignalName(o.Status.Signal), after)
	}
	return fmt.Sprintf("exited with status %d%s", o.Status.Code, after)
}

func (r *reporter) countsOOM(name string) bool {
	i := r.index(name)
	return i >= 0 && r.specs[i].Limits.Memory != nil
}

func (r *reporter) memoryLimit(name string) string {
	if !r.countsOOM(name) {
		return "unknown"
	}
	return fmt.Sprintf("%d MiB", *r.specs[r.index(name)].Limits.Memory>>20)
}

func (r *reporter) summary(result *supervisor.Result) {
	if r.tail != nil {
		r.tail()
	}
	width := 0
	for i := range result.Children {
		width = max(width, len(result.Children[i].Name))
	}
	for i := range result.Children {
		o := &result.Children[i]
		r.screen.mux.Message(fmt.Sprintf("  %-*s %s", width, o.Name, r.outcome(o)))
	}
	r.screen.mux.Message(fmt.Sprintf("exit status %d", result.Code))
}

// singleEnd says what a shell can't: why a command did not start, that memory
// ran out, and which signal killed it. A shell says nothing of INT and PIPE.
func (r *reporter) singleEnd(result *supervisor.Result) {
	o := &result.Children[0]
	sig := o.Status.Signal
	died := sig != 0 && sig != syscall.SIGINT && sig != syscall.SIGPIPE && !o.Killed
	if o.Err != nil || o.Status.OOM || died {
		r.screen.mux.Message(o.Name + " " + r.outcome(o))
	}
}

// seconds prints a duration with as much detail as a person wants.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
