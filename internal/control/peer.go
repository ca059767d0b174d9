package control

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/sse"
	"golang.org/x/sys/unix"
)

// peer is one client.
type peer struct {
	server *Server
	conn   *net.UnixConn
	raw    syscall.RawConn // the same connection

	first *snapshot            // what it gets at once; nil if there was none yet
	mail  chan *snapshot       // states on their way; closed by Server.dismiss. The server's mutex orders who sends
	ended chan (<-chan uint64) // one place: of its last command, if it has sent one before it ended its input
}

func newPeer(s *Server, conn *net.UnixConn) (*peer, bool) {
	raw, err := conn.SyscallConn()
	return &peer{
		server: s, conn: conn, raw: raw,
		mail:  make(chan *snapshot, fewStates),
		ended: make(chan (<-chan uint64), 1),
	}, err == nil
}

// permitted says whether the client is ours or root's. The mode of the
// socket's file says the same, but somebody may have changed that.
func (p *peer) permitted() bool {
	var peer *unix.Ucred
	err := control(p.raw, func(fd int) (err error) {
		peer, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	return err == nil && (peer.Uid == 0 || peer.Uid == uint32(os.Geteuid()))
}

// fewStates is how many states wait for a client's goroutine. It is not for slow
// clients, who have the socket's buffer: one that reads must not miss the state
// of a short run because the processor was busy for a moment.
const fewStates = 16

// put leaves a state in the mailbox, in place of the oldest if it is full. The
// caller holds the server's mutex.
func (p *peer) put(s *snapshot) {
	for {
		select {
		case p.mail <- s:
			return
		default:
		}
		select {
		case <-p.mail:
		default:
		}
	}
}

// serve talks to the client until either side has enough.
func (p *peer) serve() {
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		p.read()
	}()
	p.write()
	p.server.leave(p)
	// The client sees the end of the stream. It can't send any more, and the
	// reader takes what it has sent: closing a socket with something unread
	// would give it an error (ECONNRESET) in place of the states it has not
	// read yet.
	control(p.raw, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
	<-reading
	p.conn.Close()
	p.server.left()
}

// write sends states until the client has what it was owed.
func (p *peer) write() {
	var (
		last   *snapshot     // what the client has
		owed   <-chan uint64 // yields need, once the client has ended its input after a command
		need   *uint64       // the version in which its last command has taken effect
		enough <-chan time.Time
	)
	if last = p.first; last != nil && !p.send(last) {
		return
	}
	for {
		select {
		case s, ok := <-p.mail:
			if !ok || !p.send(s) {
				return
			}
			last = s
		case owed = <-p.ended:
		case version, ok := <-owed:
			if owed = nil; ok {
				need = &version
			}
		case <-enough:
			return
		}
		if need == nil || last == nil || last.version < *need {
			continue
		}
		if !last.up {
			return
		}
		if enough == nil {
			enough = time.After(patience)
		}
	}
}

func (p *peer) send(s *snapshot) bool {
	_, err := p.conn.Write(s.event)
	return err == nil
}

// read obeys the client until it has ended its input, and waits until it is
// gone.
func (p *peer) read() {
	defer p.server.leave(p)
	var (
		decoder sse.Decoder
		last    <-chan uint64
		buffer  = make([]byte, 512)
	)
	for {
		n, err := p.conn.Read(buffer)
		decoder.Feed(buffer[:n], func(e sse.Event) {
			switch c := Command(e.Name); c {
			case Stop, Kill, Exit:
				last = p.server.do(c)
			}
		})
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return
		}
	}
	if last != nil {
		p.ended <- last
	}
	p.raw.Read(hungUp)
}

// hungUp says whether both directions of a socket are at their end. One that
// has only ended its input still reads.
func hungUp(fd uintptr) bool {
	set := []unix.PollFd{{Fd: int32(fd)}} // POLLHUP and POLLERR need not be asked for, see poll(2)
	for {
		if _, err := unix.Poll(set, 0); err != unix.EINTR {
			return err != nil || set[0].Revents != 0
		}
	}
}
