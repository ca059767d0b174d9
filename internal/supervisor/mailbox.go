package supervisor

import "sync"

// Publication is the state of a run at one moment.
type Publication struct {
	Version  uint64     // grows with each
	Asked    uint64     // requests that were taken before it
	Ready    bool       // see group.State.Ready
	Ending   bool       // see group.State.Ending
	Children []Snapshot // in the order of Config.Group.Names; not changed any more
}

// Mailbox holds the newest publications until a reader takes them. A slow reader
// misses the oldest, never the newest. The loop never waits for a reader.
type Mailbox struct{ slots chan Publication }

// NewMailbox returns an empty mailbox for one Run, with room for so many
// publications: one for a reader who wants to know how things stand, more for
// one who wants to see each change.
func NewMailbox(room int) *Mailbox { return &Mailbox{slots: make(chan Publication, room)} }

// C delivers publications. It is closed after the final one, which is always
// delivered.
func (m *Mailbox) C() <-chan Publication { return m.slots }

// put makes room by throwing away the oldest. There is one writer, so there is
// room after at most one round.
func (m *Mailbox) put(p Publication) {
	for {
		select {
		case m.slots <- p:
			return
		default:
		}
		select {
		case <-m.slots:
		default:
		}
	}
}

func (m *Mailbox) close() { close(m.slots) }

// queue takes events from any goroutine without ever blocking one, and keeps
// them in order. It has no bound, but a container sends a handful of events in
// its life.
type queue struct {
	wake   chan struct{} // holds a token while there are events
	mu     sync.Mutex    // guards the events on their way, no state of the loop's
	events []Event
	closed bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put appends an event. After close it is dropped.
func (q *queue) put(ev Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.events = append(q.events, ev)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take removes and returns all events there are.
func (q *queue) take() []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events = nil
	return events
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.events = true, nil
}
