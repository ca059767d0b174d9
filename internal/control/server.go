package control

import (
	"encoding/json"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/sse"
)

// Command is what a client wants.
type Command string

// The commands of the protocol. Events with other names are ignored.
const (
	Stop Command = client.EventStop
	Kill Command = client.EventKill
	Exit Command = client.EventExit
)

const (
	// patience is how long Close waits for clients that don't read, and how
	// long a client that has ended its input after a command is kept.
	patience = time.Second
	// pause is how long accept waits after an error, such as too many open files.
	pause = 20 * time.Millisecond
	// longestErr bounds, in bytes, an error that clients are told. Six times
	// that, if all of it has to be escaped, fits into a line that they read.
	longestErr = 8 << 10
)

// Server is a socket with its clients. Its methods may be called from any
// goroutine.
//
// Each client has two goroutines: one that reads its commands, and one that
// writes the newest state whenever the client takes it, from a mailbox with one
// place. So nobody ever waits for a client.
type Server struct {
	listener *net.UnixListener
	self     *identity // of the socket's file; nil if somebody else made it
	most     int       // clients at a time

	do        func(Command) <-chan uint64 // of Serve
	accepting sync.WaitGroup              // the goroutine that accepts
	serving   sync.WaitGroup              // clients whose connection is open
	once      sync.Once                   // of Close

	mu      sync.Mutex         // held for moments, never while something waits
	peers   map[*peer]struct{} // clients that get states
	open    int                // clients whose connection is open; those that leave are not in peers any more
	newest  *snapshot          // nil before the first Publish
	closing bool               // nothing is published any more
}

// snapshot is a state that was published.
type snapshot struct {
	version uint64
	up      bool
	event   []byte // as it is on the wire
}

// Serve starts to accept clients and returns at once. It is called once.
//
// do hands a command on, in the order in which one client sent them. The
// channel that it returns, which is never nil, yields the version of the first
// state in which the command has taken effect (for one that has none, that of
// the newest state), or is closed if there will be no such state. do is called
// from many goroutines, and must return soon even when nobody takes commands
// any more, because Close waits for it.
func (s *Server) Serve(do func(Command) <-chan uint64) {
	s.do = do // before the first client
	s.accepting.Go(s.accept)
}

// nobodyObeys is the do of a server that is closed before Serve.
func nobodyObeys(Command) <-chan uint64 {
	none := make(chan uint64)
	close(none)
	return none
}

// accept gives each client its goroutines, until its deadline, which is Close.
func (s *Server) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		switch {
		case err == nil:
			s.admit(conn)
		case s.isClosing():
			return
		default:
			time.Sleep(pause)
		}
	}
}

// admit serves a client, if it may be served and there is room.
func (s *Server) admit(conn *net.UnixConn) {
	p, ok := newPeer(s, conn)
	if !ok || !p.permitted() {
		conn.Close()
		return
	}
	s.mu.Lock()
	room := s.open < s.most
	if room {
		s.open++
		p.first = s.newest
		s.peers[p] = struct{}{}
		s.serving.Add(1)
	}
	s.mu.Unlock()
	if !room {
		conn.Close()
		return
	}
	go p.serve()
}

// Publish gives a state to all clients, and to those that come later until the
// next one. It never waits: a client that hasn't taken an older state yet gets
// this one instead. Versions never fall from call to call. After Close nothing is
// published.
func (s *Server) Publish(version uint64, state client.State) {
	snap := &snapshot{version: version, up: state.Up, event: encode(state)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	s.newest = snap
	for p := range s.peers {
		p.put(snap)
	}
}

// encode makes the event of a state.
func encode(state client.State) []byte {
	if len(state.Err) > longestErr {
		state.Err = strings.ToValidUTF8(state.Err[:longestErr], "") + "…"
	}
	data, err := json.Marshal(state)
	if err != nil {
		panic("internal error: a state can't be encoded: " + err.Error())
	}
	return sse.Append(nil, client.EventState, data)
}

// Close ends the service. Clients that are connected by then get the newest
// state, if they have not had it, whole, and then the end of the stream; one
// that doesn't read it within a second is cut off. When a client sees the end,
// the socket's file is gone, unless the socket was adopted. Close returns when all connections are closed and
// all goroutines of the server have ended.
func (s *Server) Close() { s.once.Do(s.close) }

func (s *Server) close() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.listener.SetDeadline(time.Unix(1, 0))
	s.accepting.Wait()
	if s.self != nil { // else shutting it down would be the end of it for its owner, too
		for _, conn := range turnAway(s.listener) {
			s.admit(conn)
		}
		s.self.remove()
	}
	s.listener.Close()

	deadline := time.Now().Add(patience)
	s.mu.Lock()
	for p := range s.peers {
		p.conn.SetWriteDeadline(deadline)
		s.dismiss(p)
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// leave takes a client from those that get states: what is in its mailbox is
// the last.
func (s *Server) leave(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.peers[p]; ok {
		s.dismiss(p)
	}
}

// dismiss is leave for callers that hold the mutex, of a client in peers.
func (s *Server) dismiss(p *peer) {
	delete(s.peers, p)
	close(p.mail)
}

// left notes that a client's connection is closed.
func (s *Server) left() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
	s.serving.Done()
}
