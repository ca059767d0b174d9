package metrics

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A scrape is one short request on a connection of its own. Package net/http
// would be paid for by every container's init (docs/adr/0002), so what HTTP/1.1
// asks of a server that has one resource is here (RFC 9112).

// Bounds of one scrape.
const (
	timeout = 5 * time.Second // for request and answer
	maxHead = 16 << 10        // bytes of the request
	most    = 64              // connections at a time; more wait
)

// contentType is that of the text exposition format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// Server answers GET /metrics.
type Server struct {
	listener net.Listener
	read     func() Figures
	slots    chan struct{}
	work     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil after Close
}

// UnixPath gives the path of an address that names a unix socket, unix:PATH.
func UnixPath(address string) (path string, ok bool) {
	return strings.CutPrefix(address, "unix:")
}

// Listen opens an address: HOST:PORT or :PORT for TCP, or unix:PATH. A socket
// that nobody listens on any more is replaced.
func Listen(address string) (net.Listener, error) {
	network, at := "tcp", address
	if path, ok := UnixPath(address); ok {
		if path == "" {
			return nil, errors.New("cannot serve metrics on \"unix:\": the path is missing, as in unix:/run/web/metrics")
		}
		network, at = "unix", path
		removeDead(path)
	} else if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("cannot serve metrics on %q: write HOST:PORT, for example 127.0.0.1:9100, or unix:PATH", address)
	}
	l, err := net.Listen(network, at)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics on %s: %w", address, err)
	}
	return l, nil
}

// removeDead removes a socket whose listener is gone: connecting to it is
// refused (unix(7)).
func removeDead(path string) {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return
	}
	info, statErr := os.Lstat(path)
	if errors.Is(err, syscall.ECONNREFUSED) && statErr == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(path) // else the bind says what is in the way
	}
}

// Serve answers on l with the figures that read gives at that moment, until
// Close.
func Serve(l net.Listener, read func() Figures) *Server {
	s := &Server{listener: l, read: read, slots: make(chan struct{}, most), conns: map[net.Conn]struct{}{}}
	s.work.Go(s.accept)
	return s
}

func (s *Server) accept() {
	for {
		s.slots <- struct{}{}
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, perhaps
			<-s.slots
			time.Sleep(100 * time.Millisecond)
			continue
		}
		s.mu.Lock()
		open := s.conns != nil
		if open {
			s.conns[conn] = struct{}{}
		}
		s.mu.Unlock()
		if !open {
			conn.Close()
			return
		}
		s.work.Go(func() {
			s.answer(conn)
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
			conn.Close()
			<-s.slots
		})
	}
}

// answer takes one request. What can't be answered is hung up on.
func (s *Server) answer(conn net.Conn) {
	if conn.SetDeadline(time.Now().Add(timeout)) != nil {
		return
	}
	r := bufio.NewReader(io.LimitReader(conn, maxHead))
	line, err := r.ReadString('\n')
	if err != nil {
		return
	}
	for { // the fields of the request change nothing
		field, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimRight(field, "\r\n") == "" {
			break
		}
	}
	status, kind, body := "400 Bad Request", "text/plain; charset=utf-8", []byte("bad request\n")
	words := strings.Fields(line)
	if len(words) == 3 && strings.HasPrefix(words[2], "HTTP/1.") {
		path, _, _ := strings.Cut(words[1], "?")
		switch {
		case path != "/metrics":
			status, body = "404 Not Found", []byte("not found; the figures are at /metrics\n")
		case words[0] != "GET" && words[0] != "HEAD":
			status, body = "405 Method Not Allowed\r\nAllow: GET, HEAD", []byte("only GET and HEAD\n")
		default:
			status, kind, body = "200 OK", contentType, Text(s.read())
		}
	}
	head := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", status, kind, len(body))
	if len(words) > 0 && words[0] == "HEAD" {
		body = nil
	}
	_, _ = conn.Write(append([]byte(head), body...)) // a scraper that went away asks again
}

// Close ends the server and every scrape that is under way.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	for conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.work.Wait()
}
