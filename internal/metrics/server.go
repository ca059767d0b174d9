package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// contentType is that of the text exposition format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// A scrape is one short request; whoever takes longer is cut off.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	closeTimeout = time.Second
	maxHeader    = 16 << 10 // bytes
)

// Server answers GET /metrics.
type Server struct {
	http http.Server
	done chan struct{} // closed when nothing is accepted any more
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

// Serve answers on l with the labels and state that read gives at that moment,
// until Close.
func Serve(l net.Listener, read func() (Labels, client.State)) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(Text(read())) // a scraper that went away asks again
	})
	s := &Server{done: make(chan struct{})}
	s.http = http.Server{
		Handler: mux, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, MaxHeaderBytes: maxHeader,
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			l.Close()
		}
	}()
	return s
}

// Close ends the server; requests under way have a second to finish.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	<-s.done
}
