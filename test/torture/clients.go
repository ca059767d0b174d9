package main

import (
	"context"
	"sync"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// crowd are the clients of a service.
type crowd struct {
	all    sync.WaitGroup
	cancel context.CancelFunc
	gone   chan struct{} // closed when all are done
}

// connect starts the round's clients. Each is done when the supervisor has ended.
func (r *round) connect() *crowd {
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{cancel: cancel, gone: make(chan struct{})}
	for _, wish := range r.clients {
		c.all.Go(func() { r.attend(ctx, wish) })
	}
	go func() {
		c.all.Wait()
		close(c.gone)
	}()
	return c
}

// attend is the life of a client.
func (r *round) attend(ctx context.Context, wish wish) {
	var conn *client.Conn
	for conn == nil {
		select {
		case <-r.ended:
			return
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
		conn, _ = client.Dial(ctx, r.home)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	asked := time.AfterFunc(wish.after, func() {
		switch wish.ask {
		case "stop":
			_ = conn.Stop()
		case "kill":
			_ = conn.Kill()
		case "exit":
			_ = conn.Exit()
		}
	})
	defer asked.Stop()
	for {
		if _, err := conn.Next(); err != nil {
			return
		}
	}
}

// over says whether every client has seen the end.
func (c *crowd) over() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// end cuts off those that have not, and waits for them.
func (c *crowd) end() {
	c.cancel()
	c.all.Wait()
}
