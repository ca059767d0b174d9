// Package engine gives the loop of package supervisor containers as it wants
// them, made by package container.
package engine

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// Start is one start that the loop has ordered, see supervisor.Engine.
type Start struct {
	Child  int
	Gen    uint64
	Notify func(supervisor.Event)
}

// Container begins to start a container. first sees each of its events before
// the loop does, from one goroutine; the loop waits for it.
func (s Start) Container(e *container.Engine, spec *container.Spec, first func(container.Event)) Handle {
	return Handle{e.Start(spec, func(ev container.Event) {
		first(ev)
		if to, ok := translate(&ev); ok {
			s.tell(to)
		}
	})}
}

// Failure tells that the container can't even be begun. internal says that it
// is not the user's doing.
func (s Start) Failure(err error, internal bool) supervisor.Container {
	s.tell(supervisor.Event{Kind: supervisor.Failed, Err: err, Internal: internal})
	s.tell(supervisor.Event{Kind: supervisor.Gone})
	return nothing{}
}

// OutOfMemory tells of processes that were killed while the container goes on.
func (s Start) OutOfMemory(kills uint64) {
	s.tell(supervisor.Event{Kind: supervisor.OutOfMemory, OOMs: int(kills)})
}

func (s Start) tell(ev supervisor.Event) {
	ev.Child, ev.Gen = s.Child, s.Gen
	s.Notify(ev)
}

func translate(ev *container.Event) (supervisor.Event, bool) {
	to := supervisor.Event{Err: ev.Err, Internal: ev.Bug, OOMs: int(ev.OOMs)}
	switch ev.Kind {
	case container.Started:
		to.Kind, to.PID = supervisor.Started, ev.PID
	case container.Failed:
		to.Kind = supervisor.Failed
	case container.Stopped:
		to.Kind = supervisor.Stopped
	case container.Exited:
		to.Kind, to.Status = supervisor.Exited, status(ev)
	case container.Gone:
		to.Kind, to.Status = supervisor.Gone, status(ev)
	default:
		return to, false
	}
	return to, true
}

func status(ev *container.Event) lifecycle.Status {
	ws := ev.Status
	if ws.Signaled() {
		return lifecycle.Status{Signal: ws.Signal(), OOM: ev.OOM && ws.Signal() == syscall.SIGKILL}
	}
	return lifecycle.Status{Exited: true, Code: ws.ExitStatus()}
}

// Handle is a started container.
type Handle struct{ c *container.Container }

// Signal sends sig to the command or its process group, once it runs.
func (h Handle) Signal(sig syscall.Signal, to lifecycle.Target) {
	target := stage.ToCommand
	if to == lifecycle.Group {
		target = stage.ToGroup
	}
	h.c.Signal(sig, target)
}

// Kill kills every process of the container.
func (h Handle) Kill() { h.c.Kill() }

// Stuck says why the container is not gone yet.
func (h Handle) Stuck() string { return h.c.Stuck() }

// Frozen says that somebody has frozen the container's command.
func (h Handle) Frozen() string { return h.c.Frozen() }

// Foreground gives the command's process group the terminal again.
func (h Handle) Foreground() { h.c.Foreground() }

// nothing stands for a container that was never made.
type nothing struct{}

func (nothing) Signal(syscall.Signal, lifecycle.Target) {}
func (nothing) Kill()                                   {}
func (nothing) Stuck() string                           { return "" }
func (nothing) Frozen() string                          { return "" }
