package supervisor

import "sync"

// Mailbox holds the newest snapshot of all children, in the order of
// Config.Group.Names, until a reader takes it. A slow reader misses older ones,
// never the newest. The loop never waits for a reader.
type Mailbox struct{ slot chan []Snapshot }

// NewMailbox returns an empty mailbox for one Run.
func NewMailbox() *Mailbox { return &Mailbox{slot: make(chan []Snapshot, 1)} }

// C delivers snapshots. It is closed after the final one, which is always
// delivered. The slices are not changed any more.
func (m *Mailbox) C() <-chan []Snapshot { return m.slot }

// put replaces what is in the slot. There is one writer, so the slot is free
// after at most one round.
func (m *Mailbox) put(shots []Snapshot) {
	for {
		select {
		case m.slot <- shots:
			return
		default:
		}
		select {
		case <-m.slot:
		default:
		}
	}
}

func (m *Mailbox) close() {
	if m != nil {
		close(m.slot)
	}
}

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
