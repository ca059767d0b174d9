package supervise

import (
	"sync"
	"syscall"
	"time"

	wire "github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/control"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

type client = wire.State

// metricsTick is how often clients get new figures without anything having
// changed.
const metricsTick = 3 * time.Second

// publisher gives what the loop publishes to the clients of the control socket,
// with the figures of the moment.
type publisher struct {
	socket *control.Server
	stats  func() (cgroup.Stats, error) // reads the figures

	mu      sync.Mutex
	state   client // newest
	version uint64
	asked   uint64
	ready   bool // the first start has succeeded or failed
}

// run publishes until the loop is over: each change, each answer to a client,
// and the figures at each tick.
func (p *publisher) run(publications <-chan supervisor.Publication) {
	ticker := time.NewTicker(metricsTick)
	defer ticker.Stop()
	for {
		select {
		case pub, ok := <-publications:
			if !ok {
				p.end()
				return
			}
			p.take(&pub)
		case <-ticker.C:
			p.tick()
		}
	}
}

// take publishes a state that clients have not seen, or that one asked for.
// Nothing is said before the first start has succeeded or failed: to agents in
// the field a container that is down without an error is one that is finished.
func (p *publisher) take(pub *supervisor.Publication) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shot := &pub.Children[0]
	first := !p.ready && (shot.Up || !shot.Ended.IsZero())
	state := toWire(shot)
	state.Metrics = p.state.Metrics
	changed := state != p.state
	p.version, p.state = pub.Version, state
	p.ready = p.ready || first
	if first && shot.Up {
		p.awaitFigures()
	}
	asked := pub.Asked != p.asked
	p.asked = pub.Asked
	if p.ready && (first || changed || asked) {
		p.publish()
	}
	if first {
		time.AfterFunc(linux.TrimAfter*time.Millisecond, trim)
	}
}

// awaitFigures waits until the first command has a CPU time: a cgroup of v1
// charges a process when it is switched or at a tick, so that right after the
// start the counter may stand at 0.
func (p *publisher) awaitFigures() {
	for range 10 {
		if p.measure(); p.state.Metrics.CPUTime > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// trim gives back what only the start needed: a supervisor lives for months.
func trim() {
	_ = linux.Trim() // else it takes more memory than it had to
}

func (p *publisher) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready {
		p.publish()
	}
}

// end publishes the final state also of a container that never was started.
func (p *publisher) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready {
		p.publish()
	}
}

func (p *publisher) publish() {
	p.measure()
	p.socket.Publish(p.version, p.state)
}

// now is the state with the figures of this moment.
func (p *publisher) now() client {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.measure()
	return p.state
}

// measure renews the figures. Where they can't be read the last ones stand.
func (p *publisher) measure() {
	if stats, err := p.stats(); err == nil {
		p.state.Metrics = wire.Metrics{
			CPUTime: stats.CPUTime, MemoryUsage: stats.MemoryUsage, MemoryLimit: stats.MemoryLimit,
		}
	}
}

// toWire says a snapshot in the words of the control protocol. While the
// container is up "restarting" is true whatever the policy, until it is told to
// end.
func toWire(s *supervisor.Snapshot) client {
	return client{
		Up: s.Up, Restarting: s.Restarting || s.Up && !s.Final, Err: s.Error,
		ExitStatus: exitStatus(s), Restarts: uint64(s.Restarts), OOMs: uint64(s.OOMs),
	}
}

func exitStatus(s *supervisor.Snapshot) wire.ExitStatus {
	switch {
	case s.Status.OOM:
		return wire.ExitStatus{OOMed: true}
	case s.Status.Signal != 0:
		return wire.ExitStatus{Signaled: true, Signal: int(s.Status.Signal)}
	case s.Status.Exited:
		return wire.ExitStatus{Exited: true, ExitStatus: s.Status.Code}
	case s.Killed && !s.Ended.IsZero(): // before its command ran
		return wire.ExitStatus{Signaled: true, Signal: int(syscall.SIGKILL)}
	}
	return wire.ExitStatus{}
}
