package run

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/engine"
	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// children starts the loop's children as containers, with their output on the
// screen, or for a single command with the caller's own descriptors.
type children struct {
	containers *container.Engine
	specs      []*container.Spec
	names      []string
	mux        *output.Mux
	single     bool
	terminal   *terminal // of a single command; nil for none

	mu      sync.Mutex
	last    *engine.Handle // of a single command
	stopped syscall.Signal // what stopped it last; 0: nothing yet
}

// Start begins to start a child, see supervisor.Engine.
func (e *children) Start(child int, gen uint64, notify func(supervisor.Event)) supervisor.Container {
	start := engine.Start{Child: child, Gen: gen, Notify: notify}
	spec := *e.specs[child]
	files, err := e.stdio(child, &spec)
	if err != nil {
		return start.Failure(err, true)
	}
	if e.terminal != nil {
		e.terminal.prepare(&spec.Stage)
	}
	release := sync.OnceFunc(func() {
		for _, f := range files {
			f.Close()
		}
	})
	c := start.Container(e.containers, &spec, func(ev container.Event) {
		switch ev.Kind {
		case container.Warned:
			e.mux.Message(fmt.Sprintf("warning: %s: %v", spec.Name, ev.Err))
		case container.Started, container.Failed:
			release()
		case container.Stopped:
			e.mu.Lock()
			e.stopped = ev.Status.StopSignal()
			e.mu.Unlock()
		case container.Gone:
			release()
			e.drain(child)
		}
	})
	e.mu.Lock()
	e.last = &c
	e.mu.Unlock()
	return c
}

// stopSignal is what stopped a single command last; TSTP if it was lanyard that
// was told to stop.
func (e *children) stopSignal() syscall.Signal {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped == 0 {
		return syscall.SIGTSTP
	}
	return e.stopped
}

// foreground has a single command's group take the terminal's foreground.
func (e *children) foreground() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last != nil {
		e.last.Foreground()
	}
}

// stdio fills in the command's descriptors and gives those to close once it
// has them.
func (e *children) stdio(child int, spec *container.Spec) ([]*os.File, error) {
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
	if spec.UserNS != nil {
		spec.Stage.OwnStdio = true
	} else if spec.Stage.UID != 0 || spec.Stage.GID != 0 {
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

func (e *children) drain(child int) {
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
