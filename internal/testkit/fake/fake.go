// Package fake holds an engine without containers, for tests of what runs
// above one. Together with testing/synctest, which brings the clock and finds
// goroutines that were left behind, it makes the supervisor's loop
// deterministic.
package fake

import (
	"fmt"
	"slices"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// Engine hands out fake containers. Set its fields before the first Start.
type Engine struct {
	// Live is called in Start, before it returns: what it notifies there is
	// early. For anything that takes time it starts a goroutine. nil: the test
	// says itself what the containers do.
	Live func(c *Container)

	mu         sync.Mutex
	containers []*Container
}

// Start makes a fake container.
func (e *Engine) Start(child int, gen uint64, notify func(supervisor.Event)) supervisor.Container {
	c := &Container{Child: child, Gen: gen, notify: notify, orders: make(chan Order, 1000)}
	e.mu.Lock()
	e.containers = append(e.containers, c)
	e.mu.Unlock()
	if e.Live != nil {
		e.Live(c)
	}
	return c
}

// Containers returns all that were started, in that order.
func (e *Engine) Containers() []*Container {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.containers)
}

// Order is something a container was told.
type Order struct {
	Kill bool
	Sig  syscall.Signal
	To   lifecycle.Target
}

func (o Order) String() string {
	if o.Kill {
		return "KILL"
	}
	return fmt.Sprintf("%d>%s", int(o.Sig), o.To)
}

// Container is a fake container. Its methods may be called from any goroutine.
type Container struct {
	Child  int
	Gen    uint64
	notify func(supervisor.Event)
	orders chan Order
}

// Orders delivers what the container was told, up to 1000 orders.
func (c *Container) Orders() <-chan Order { return c.orders }

// Told returns the orders that wait in Orders, as text.
func (c *Container) Told() []string {
	var told []string
	for {
		select {
		case o := <-c.orders:
			told = append(told, o.String())
		default:
			return told
		}
	}
}

// Signal takes an order.
func (c *Container) Signal(sig syscall.Signal, to lifecycle.Target) {
	c.orders <- Order{Sig: sig, To: to}
}

// Kill takes an order.
func (c *Container) Kill() { c.orders <- Order{Kill: true} }

// Frozen says that it is not.
func (c *Container) Frozen() string { return "" }

// Stuck gives a reason with the child's number.
func (c *Container) Stuck() string { return fmt.Sprintf("fake reason %d", c.Child) }

// Notify reports something; Child and Gen are filled in.
func (c *Container) Notify(ev supervisor.Event) {
	ev.Child, ev.Gen = c.Child, c.Gen
	c.notify(ev)
}

// Up reports that the command runs, with pid 100 + Child.
func (c *Container) Up() { c.Notify(supervisor.Event{Kind: supervisor.Started, PID: 100 + c.Child}) }

// Fail reports that the start failed, and that nothing is left.
func (c *Container) Fail(err error) {
	c.Notify(supervisor.Event{Kind: supervisor.Failed, Err: err})
	c.Gone()
}

// Exit reports that the command exited with code, and that nothing is left.
func (c *Container) Exit(code int) {
	c.Notify(supervisor.Event{Kind: supervisor.Exited, Status: lifecycle.Status{Exited: true, Code: code}})
	c.Gone()
}

// Die reports that a signal killed the command, and that nothing is left.
func (c *Container) Die(sig syscall.Signal) {
	c.Notify(supervisor.Event{Kind: supervisor.Exited, Status: lifecycle.Status{Signal: sig}})
	c.Gone()
}

// Gone reports that nothing is left.
func (c *Container) Gone() { c.Notify(supervisor.Event{Kind: supervisor.Gone}) }

// Reporter keeps what it is told.
type Reporter struct {
	mu      sync.Mutex
	reports []supervisor.Report
}

// Report keeps r.
func (r *Reporter) Report(report supervisor.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, report)
}

// Reports returns everything so far.
func (r *Reporter) Reports() []supervisor.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports)
}

// Job keeps what it is asked, without stopping anything. Asked must be read
// only when the loop is at rest.
type Job struct{ Asked []string }

// Suspend keeps "suspend".
func (j *Job) Suspend() { j.Asked = append(j.Asked, "suspend") }

// Resume keeps "resume".
func (j *Job) Resume() { j.Asked = append(j.Asked, "resume") }
