package client_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/control"
)

const bound = 20 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// supervisor listens in the working directory; each connection is given to serve.
func supervisor(t *testing.T, serve func(net.Conn)) {
	t.Helper()
	l, err := net.Listen("unix", "control")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
}

func says(text string) func(net.Conn) {
	return func(conn net.Conn) { io.WriteString(conn, text) }
}

func dial(t *testing.T, dir string) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	conn, err := client.Dial(ctx, dir)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// A real server, in a folder whose path no socket's address can hold.
func TestConn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	must(t, os.MkdirAll(dir, 0o755))
	t.Chdir(dir)
	s, err := control.Listen()
	must(t, err)
	defer s.Close()
	commands := make(chan control.Command, 10)
	s.Serve(func(c control.Command) <-chan uint64 {
		commands <- c
		version := make(chan uint64, 1)
		version <- 1
		return version
	})
	up := client.State{Up: true, Restarting: true, Metrics: client.Metrics{CPUTime: 1, MemoryUsage: 2, MemoryLimit: 3}}
	s.Publish(1, up)

	conn := dial(t, dir)
	if state, err := conn.Next(); err != nil || state != up {
		t.Fatalf("%+v, %v; want %+v", state, err, up)
	}
	must(t, conn.Stop())
	must(t, conn.Kill())
	must(t, conn.Exit())
	for _, want := range []control.Command{control.Stop, control.Kill, control.Exit} {
		if c := <-commands; c != want {
			t.Errorf("the supervisor got %q, want %q", c, want)
		}
	}
	down := client.State{ExitStatus: client.ExitStatus{Signaled: true, Signal: 9}}
	s.Publish(2, down)
	s.Close()
	if state, err := conn.Next(); err != nil || state != down {
		t.Errorf("%+v, %v; want %+v", state, err, down)
	}
	if _, err := conn.Next(); err != io.EOF {
		t.Errorf("at the end: %v, want %v", err, io.EOF)
	}
	if err := conn.Stop(); !errors.Is(err, client.ErrNotRunning) {
		t.Errorf("stop at the end: %v, want %v", err, client.ErrNotRunning)
	}
	if _, err := client.Dial(context.Background(), dir); !errors.Is(err, client.ErrNotRunning) {
		t.Errorf("Dial after the end: %v, want %v", err, client.ErrNotRunning)
	}
}

func TestDialErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx := context.Background()
	if _, err := client.Dial(ctx, "."); !errors.Is(err, client.ErrNotRunning) || err.Error() != "no supervisor is running in ." {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "control", Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	if _, err := client.Dial(ctx, "."); !errors.Is(err, client.ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
	if _, err := client.Dial(ctx, "nowhere"); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, client.ErrNotRunning) {
		t.Errorf("no folder: %v", err)
	}
	must(t, os.Remove("control"))
	supervisor(t, says(""))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := client.Dial(ended, "."); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// A queue of clients that nobody accepts from is waited for, as long as ctx lasts.
func TestDialQueue(t *testing.T) {
	t.Chdir(t.TempDir())
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	defer syscall.Close(fd)
	must(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: "control"}))
	must(t, syscall.Listen(fd, 0))
	dial(t, ".") // the only one that has a place
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := client.Dial(ctx, "."); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a full queue: %v, want %v", err, context.DeadlineExceeded)
	}
	accepted := make(chan error, 1)
	go func() {
		conn, _, err := syscall.Accept(fd)
		syscall.Close(conn)
		accepted <- err
	}()
	dial(t, ".")
	must(t, <-accepted)
}

func TestNext(t *testing.T) {
	const up = "event: state\ndata: {\"up\":true}\n\n"
	for _, c := range []struct {
		name, text string
		states     int // that say up, before
		fails      string
	}{
		{"several at once", up + up + up, 3, "EOF"},
		{"unknown events and keys", "event: news\ndata: x\n\n: hello\nevent: state\ndata: {\"new\":[1],\"up\":true,\"container_metrics\":{\"io\":1}}\n\n", 1, "EOF"},
		{"cut off", up + "event: state\n", 1, "EOF"},
		{"nothing", "", 0, "EOF"},
		{"what is no state", up + "event: state\ndata: up\n\n", 1, "the supervisor in . sent a state that can't be read: invalid character 'u' looking for beginning of value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			supervisor(t, says(c.text))
			conn := dial(t, ".")
			for i := range c.states {
				if state, err := conn.Next(); err != nil || !state.Up {
					t.Fatalf("state %d: %+v, %v", i, state, err)
				}
			}
			if _, err := conn.Next(); err == nil || err.Error() != c.fails {
				t.Errorf("then: %v, want %s", err, c.fails)
			}
		})
	}
}

func TestCloseEndsNext(t *testing.T) {
	t.Chdir(t.TempDir())
	supervisor(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	conn := dial(t, ".")
	got := make(chan error, 1)
	go func() {
		_, err := conn.Next()
		got <- err
	}()
	must(t, conn.Close())
	if err := <-got; err != net.ErrClosed {
		t.Errorf("Next: %v, want %v", err, net.ErrClosed)
	}
	if err := conn.Kill(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Kill: %v, want %v", err, net.ErrClosed)
	}
}

// One supervisor ends, nobody is there, another one comes: Watch sees both.
func TestWatch(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	enough := errors.New("enough")
	states, result := make(chan client.State), make(chan error, 1)
	go func() {
		result <- client.Watch(ctx, ".", func(s client.State) error {
			states <- s
			if s.Restarts == 2 {
				return enough
			}
			return nil
		})
	}()
	var restarts []uint64
	for _, text := range []string{
		"event: state\ndata: {\"restarts\":5}\n\n",
		"event: state\ndata: {\"restarts\":1}\n\nevent: state\ndata: {\"restarts\":2}\n\nevent: state\ndata: {}\n\n",
	} {
		l, err := net.Listen("unix", "control")
		must(t, err)
		conn, err := l.Accept()
		must(t, err)
		must(t, l.Close()) // so that it does not serve twice
		says(text)(conn)
		for range strings.Count(text, "restarts") {
			restarts = append(restarts, (<-states).Restarts)
		}
		must(t, conn.Close())
	}
	if want := []uint64{5, 1, 2}; !slices.Equal(restarts, want) {
		t.Errorf("restarts %v, want %v", restarts, want)
	}
	if err := <-result; err != enough {
		t.Errorf("Watch: %v, want %v", err, enough)
	}
}

func TestWatchEnds(t *testing.T) {
	t.Chdir(t.TempDir())
	nothing := func(client.State) error { return nil }
	if err := client.Watch(context.Background(), "nowhere", nothing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	connected := make(chan struct{})
	supervisor(t, func(conn net.Conn) {
		close(connected)
		io.Copy(io.Discard, conn)
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-connected
		cancel()
	}()
	if err := client.Watch(ctx, ".", nothing); err != context.Canceled {
		t.Errorf("a context that ends while nothing comes: %v", err)
	}
	must(t, os.Remove("control"))
	ctx, cancel = context.WithTimeout(context.Background(), 120*time.Millisecond)
	defer cancel()
	if err := client.Watch(ctx, ".", nothing); err != context.DeadlineExceeded {
		t.Errorf("a context that ends while nobody is there: %v", err)
	}
}
