package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// visits are the clients that come and go.
type visits struct {
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu    sync.Mutex
	count visited
}

// visited is what they saw.
type visited struct {
	connections, states int
	restarts            uint64
	wrong               error // the first thing that was
}

func (s *soak) visit(ctx context.Context) *visits {
	ctx, cancel := context.WithCancel(ctx)
	v := &visits{cancel: cancel}
	for i := range clients {
		rnd := rand.New(rand.NewPCG(uint64(i), 31))
		v.all.Go(func() {
			for ctx.Err() == nil {
				v.once(ctx, s.path("service"), time.Duration(rnd.IntN(5000))*time.Millisecond)
				sleep(ctx, time.Duration(rnd.IntN(500))*time.Millisecond)
			}
		})
	}
	return v
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// once connects, reads states for a while, and goes.
func (v *visits) once(ctx context.Context, dir string, stay time.Duration) {
	conn, err := client.Dial(ctx, dir)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		v.note(visited{wrong: err})
		return
	}
	saw := visited{connections: 1}
	closed := time.AfterFunc(stay, func() { conn.Close() })
	defer closed.Stop()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	for {
		state, err := conn.Next()
		if err != nil {
			break
		}
		saw.states++
		if state.Restarts < saw.restarts || state.Err != "" || state.Finished() {
			saw.wrong = errors.Join(saw.wrong, fmt.Errorf("after %d restarts there is the state %+v", saw.restarts, state))
		}
		saw.restarts = state.Restarts
	}
	v.note(saw)
}

func (v *visits) note(saw visited) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.count.connections += saw.connections
	v.count.states += saw.states
	v.count.restarts = max(v.count.restarts, saw.restarts)
	if v.count.wrong == nil {
		v.count.wrong = saw.wrong
	}
}

// end sends all clients home.
func (v *visits) end() visited {
	v.cancel()
	v.all.Wait()
	return v.count
}
