package run

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// engine starts the loop's children as containers, with their output on the
// screen, or for a single command with the caller's own descriptors.
type engine struct {
	containers *container.Engine
	specs      []*container.Spec
	names      []string
	mux        *output.Mux
	single     bool
	terminal   *terminal // of a single command; nil for none

	mu      sync.Mutex
	last    *container.Container // of a single command
	stopped syscall.Signal       // what stopped it last; 0: nothing yet
}

// handle gives the loop a container as it wants it.
type handle struct{ c *container.Container }

func (h handle) Signal(sig syscall.Signal, to lifecycle.Target) {
	target := stage.ToCommand
	if to == lifecycle.Group {
		target = stage.ToGroup
	}
	h.c.Signal(sig, target)
}
func (h handle) Kill()         { h.c.Kill() }
func (h handle) Stuck() string { return h.c.Stuck() }

// nothing stands for a container that was never made.
type nothing struct{}

func (nothing) Signal(syscall.Signal, lifecycle.Target) {}
func (nothing) Kill()                                   {}
func (nothing) Stuck() string                           { return "" }

// Start begins to start a child, see supervisor.Engine.
func (e *engine) Start(child int, gen uint64, notify func(supervisor.Event)) supervisor.Container {
	spec := *e.specs[child]
	tell := func(kind supervisor.Kind, change func(*supervisor.Event)) {
		ev := supervisor.Event{Child: child, Gen: gen, Kind: kind}
		if change != nil {
			change(&ev)
		}
		notify(ev)
	}
	files, err := e.stdio(child, &spec)
	if err != nil {
		tell(supervisor.Failed, func(ev *supervisor.Event) { ev.Err, ev.Internal = err, true })
		tell(supervisor.Gone, nil)
		return nothing{}
	}
	if e.terminal != nil {
		e.terminal.prepare(&spec.Stage)
	}
	release := sync.OnceFunc(func() {
		for _, f := range files {
			f.Close()
		}
	})
	c := e.containers.Start(&spec, func(ev container.Event) {
		switch ev.Kind {
		case container.Warned:
			e.mux.Message(fmt.Sprintf("warning: %s: %v", spec.Name, ev.Err))
		case container.Started:
			release()
			tell(supervisor.Started, func(to *supervisor.Event) { to.PID = ev.PID })
		case container.Failed:
			release()
			tell(supervisor.Failed, func(to *supervisor.Event) { to.Err, to.Internal = ev.Err, ev.Bug })
		case container.Stopped:
			e.mu.Lock()
			e.stopped = ev.Status.StopSignal()
			e.mu.Unlock()
			tell(supervisor.Stopped, nil)
		case container.Exited:
			tell(supervisor.Exited, func(to *supervisor.Event) { to.Status = statusOf(&ev) })
		case container.Gone:
			release()
			e.drain(child)
			tell(supervisor.Gone, func(to *supervisor.Event) { to.Status, to.Err, to.Internal = statusOf(&ev), ev.Err, ev.Bug })
		}
	})
	e.mu.Lock()
	e.last = c
	e.mu.Unlock()
	return handle{c}
}

// stopSignal is what stopped a single command last; TSTP if it was lanyard that
// was told to stop.
func (e *engine) stopSignal() syscall.Signal {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped == 0 {
		return syscall.SIGTSTP
	}
	return e.stopped
}

// foreground has a single command's group take the terminal's foreground.
func (e *engine) foreground() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last != nil {
		e.last.Foreground()
	}
}

// stdio fills in the command's descriptors and gives those to close once it
// has them.
func (e *engine) stdio(child int, spec *container.Spec) ([]*os.File, error) {
	if e.single {
		spec.Stdio = [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
		return nil, nil
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("cannot give %s an empty stdin: %w", spec.Name, err)
	}
	stdout, stderr, err := e.mux.Pipes(child)
	if err != nil {
		null.Close()
		return nil, err
	}
	spec.Stdio = [3]*os.File{null, stdout, stderr}
	files := []*os.File{null, stdout, stderr}
	if spec.UserNS == nil && (spec.Stage.UID != 0 || spec.Stage.GID != 0) {
		// So that "> /dev/stdout" can be opened again by the command's user.
		for _, f := range files[1:] {
			if err := f.Chown(int(spec.Stage.UID), int(spec.Stage.GID)); err != nil {
				return files, fmt.Errorf("cannot give %s its output pipes: %w", spec.Name, err)
			}
		}
	}
	return files, nil
}

// Bounds of the wait for a child's last output once all its processes are
// gone. Something outside may hold its pipes, or our own reader may be slow.
const (
	drainIdle = 2 * time.Second
	drainMost = 10 * time.Second
)

func (e *engine) drain(child int) {
	if e.single {
		return
	}
	drained := e.mux.Drained(child)
	start := time.Now()
	moved, last := start, e.mux.Progress()
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-drained:
			return
		case now := <-ticks.C:
			if p := e.mux.Progress(); p != last {
				moved, last = now, p
			}
			if now.Sub(moved) > drainIdle || now.Sub(start) > drainMost {
				e.mux.Abandon(child)
				return
			}
		}
	}
}

func statusOf(ev *container.Event) lifecycle.Status {
	ws := ev.Status
	if ws.Signaled() {
		return lifecycle.Status{Signal: ws.Signal(), OOM: ev.OOM && ws.Signal() == syscall.SIGKILL}
	}
	return lifecycle.Status{Exited: true, Code: ws.ExitStatus()}
}
