package control

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// In every round some clients have just connected, some flood the server with
// commands, some have ended their input; all must see the final state, whole,
// and then a clean end.
func TestFinalState(t *testing.T) {
	inFolder(t)
	for round := range 200 {
		s := listen(t)
		s.Serve(func(Command) <-chan uint64 { return at(1) })
		s.Publish(1, up)
		var all sync.WaitGroup
		for i := range 6 {
			v := visit(t)
			all.Go(func() {
				switch i % 3 {
				case 1:
					all.Go(func() {
						for range 100 {
							if _, err := v.Write([]byte("event: stop\n\nevent: stop\n\n")); err != nil {
								return // it is the end
							}
						}
					})
				case 2:
					v.CloseWrite()
				}
				if last, err := lastOf(v); err != io.EOF || last != final {
					t.Errorf("round %d, client %d: %+v, %v; want %+v and the end", round, i, last, err, final)
				}
			})
		}
		s.Publish(2, final)
		s.Close()
		all.Wait()
		if t.Failed() {
			return
		}
	}
}

// Clients that nobody has accepted yet are served as the others.
func TestFinalStateOfThoseWhoWait(t *testing.T) {
	inFolder(t)
	s := listen(t)
	s.Publish(1, final)
	var waiting []*visitor
	for range 100 {
		v := visit(t)
		v.send("event: stop\n\nevent: kill\n\n")
		waiting = append(waiting, v)
	}
	s.Close()
	for _, v := range waiting {
		v.gets(final)
		v.ends()
	}
}

func TestCloseWithoutAnyState(t *testing.T) {
	s, _ := serve(t, at(1))
	v := visit(t)
	s.Close()
	v.ends()
}

// jam publishes a state that doesn't fit into the kernel's memory for a
// client, and returns when all writers are busy with it.
func jam(t *testing.T, s *Server, version uint64) {
	t.Helper()
	each := func(f func(*peer)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for p := range s.peers {
			f(p)
		}
	}
	each(func(p *peer) { must(t, p.conn.SetWriteBuffer(4<<10)) })
	long := up
	long.Err = strings.Repeat("<", longestErr)
	s.Publish(version, long)
	eventually(t, "the writers have it", func() bool {
		taken := true
		each(func(p *peer) { taken = taken && len(p.mail) == 0 })
		return taken
	})
}

func TestCloseWaitsForNobodyForLong(t *testing.T) {
	s, _ := serve(t, at(1))
	stuck := visit(t)
	stuck.send("event: nothing\n\n")
	eventually(t, "the client is served", func() bool { return s.clients() == 1 })
	jam(t, s, 1)
	live := visit(t)
	s.Publish(2, final)
	began, closed := time.Now(), make(chan time.Duration, 1)
	go func() {
		s.Close()
		closed <- time.Since(began)
	}()
	if last, err := lastOf(live); err != io.EOF || last != final {
		t.Errorf("%+v, %v; want %+v and the end", last, err, final)
	}
	if took := <-closed; took < patience || took > patience+5*time.Second {
		t.Errorf("Close took %v with a client that doesn't read, want %v", took, patience)
	}
}

// A client that wakes up in time has missed nothing of importance.
func TestCloseServesTheSlow(t *testing.T) {
	s, _ := serve(t, at(1))
	slow := visit(t)
	eventually(t, "the client is served", func() bool { return s.clients() == 1 })
	jam(t, s, 1)
	s.Publish(2, final)
	closed := make(chan struct{})
	go func() {
		s.Close()
		close(closed)
	}()
	eventually(t, "Close has begun", s.isClosing)
	if last, err := lastOf(slow); err != io.EOF || last != final {
		t.Errorf("%+v, %v; want %+v and the end", last, err, final)
	}
	<-closed
}
