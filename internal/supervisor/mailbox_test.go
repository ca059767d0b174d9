package supervisor

import (
	"sync"
	"testing"
)

func TestQueueKeepsOrderAndNeverBlocks(t *testing.T) {
	q := newQueue()
	var all sync.WaitGroup
	for child := range 8 {
		all.Go(func() {
			for gen := range uint64(500) {
				q.put(Event{Child: child, Gen: gen})
			}
		})
	}
	next := make([]uint64, 8)
	for total := 0; total < 8*500; {
		<-q.wake
		for _, ev := range q.take() {
			if ev.Gen != next[ev.Child] {
				t.Fatalf("child %d: event %d, want %d", ev.Child, ev.Gen, next[ev.Child])
			}
			next[ev.Child]++
			total++
		}
	}
	all.Wait()
	q.close()
	q.put(Event{})
	if left := q.take(); len(left) != 0 {
		t.Errorf("%d events after close", len(left))
	}
}

func TestMailboxKeepsTheNewest(t *testing.T) {
	m := NewMailbox(1)
	var reader sync.WaitGroup
	var last uint64
	reader.Go(func() {
		for p := range m.C() {
			if g := p.Version; g <= last {
				t.Errorf("snapshot %d after %d", g, last)
			} else {
				last = g
			}
		}
	})
	for g := range uint64(1000) {
		m.put(Publication{Version: g + 1})
	}
	m.close()
	reader.Wait()
	if last != 1000 {
		t.Errorf("the last snapshot was %d, want 1000", last)
	}
}
