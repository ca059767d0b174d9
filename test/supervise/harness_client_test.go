package supervise_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// conn is a client of package client.
type conn struct {
	*client.Conn
	r *running
}

// dial connects as soon as the supervisor listens.
func (r *running) dial() *conn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	for {
		c, err := client.Dial(ctx, r.cmd.Dir)
		if err == nil {
			r.t.Cleanup(func() { c.Close() })
			return &conn{c, r}
		}
		r.mayConnect(err)
		time.Sleep(time.Millisecond)
	}
}

// raw connects a client that sees every byte as soon as the supervisor listens.
// Whatever it reads has to come within bound.
func (r *running) raw() *net.UnixConn {
	r.t.Helper()
	folder, err := os.Open(r.cmd.Dir)
	r.must(err)
	defer folder.Close()
	// Through the descriptor, as a socket's path ends after 107 bytes.
	address := &net.UnixAddr{Name: "/proc/self/fd/" + strconv.Itoa(int(folder.Fd())) + "/control", Net: "unix"}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		c, err := net.DialUnix("unix", nil, address)
		if err == nil {
			r.t.Cleanup(func() { c.Close() })
			r.must(c.SetDeadline(time.Now().Add(bound)))
			return c
		}
		if time.Since(begun) > bound || !errors.Is(err, syscall.EAGAIN) {
			r.mayConnect(err)
		}
	}
}

// mayConnect fails the test if a supervisor that can't be connected to has ended.
func (r *running) mayConnect(err error) {
	r.t.Helper()
	select {
	case <-r.ended:
		r.t.Fatalf("the supervisor ended before anybody could connect: %v\n%s", err, r.log())
	default:
	}
	if !errors.Is(err, client.ErrNotRunning) && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ECONNREFUSED) {
		r.t.Fatalf("cannot connect: %v\n%s", err, r.log())
	}
}

// until reads states until one is as wanted, and gives that.
func (c *conn) until(what string, wanted func(client.State) bool) client.State {
	c.r.t.Helper()
	defer time.AfterFunc(bound, func() { c.Close() }).Stop()
	var last client.State
	for {
		s, err := c.Next()
		if err != nil {
			c.r.t.Fatalf("no state that is %s (%v); the last one was %+v\n%s", what, err, last, c.r.log())
		}
		if last = s; wanted(s) {
			return s
		}
	}
}

// up waits for a container that runs.
func (c *conn) up() client.State {
	c.r.t.Helper()
	return c.until("up", func(s client.State) bool { return s.Up })
}

// finished waits for a container that is down for good.
func (c *conn) finished() client.State {
	c.r.t.Helper()
	return c.until("finished", client.State.Finished)
}
