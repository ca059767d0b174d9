package supervise

import (
	"sync"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/engine"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// starter starts the container each time the loop says so.
type starter struct {
	containers *container.Engine
	say        func(string)
	spec       *container.Spec   // nil if err
	err        error             // why it can't be started
	processes  *cgroup.Processes // told of each run; nil where a cgroup counts

	mu     sync.Mutex
	newest engine.Start // that out of memory is told about
}

// Start begins to start the container, see supervisor.Engine.
func (e *starter) Start(child int, gen uint64, notify func(supervisor.Event)) supervisor.Container {
	start := engine.Start{Child: child, Gen: gen, Notify: notify}
	e.mu.Lock()
	e.newest = start
	e.mu.Unlock()
	if e.err != nil {
		return start.Failure(e.err, false)
	}
	spec := *e.spec
	return start.Container(e.containers, &spec, func(ev container.Event) {
		switch {
		case ev.Kind == container.Warned:
			e.say("warning: " + ev.Err.Error())
		case e.processes == nil:
		case ev.Kind == container.Started:
			e.processes.Begin(ev.PID)
		case ev.Kind == container.Gone:
			e.processes.End(ev.CPU)
		}
	})
}

// outOfMemory takes what the kernel tells between the exits.
func (e *starter) outOfMemory(kills uint64) {
	e.mu.Lock()
	start := e.newest
	e.mu.Unlock()
	if start.Notify != nil {
		start.OutOfMemory(kills)
	}
}
