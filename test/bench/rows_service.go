package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// superviseRow: from the spawn of lanyard supervise to the first state that a
// client has, which says that the container is up.
func superviseRow(w *workshop) experiment {
	return experiment{
		key: "supervise",
		metrics: []metric{{
			what: "`lanyard supervise`, spawn to the first up:true (crun: run of a command that does nothing)", unit: "ms",
			budgets: []budget{{against: "crun", limit: 1.5}},
		}},
		contestants: append([]contestant{w.superviseContestant(func(s *service) ([]float64, error) {
			return []float64{milliseconds(s.took)}, nil
		})}, contestants(w.whole, w.ociArgs("crun", doNothing, false), w.ociArgs("runc", doNothing, false))...),
	}
}

func (w *workshop) superviseContestant(measure func(*service) ([]float64, error)) contestant {
	return contestant{name: lanyardName, measure: func() ([]float64, error) {
		s, err := w.supervise()
		if err != nil {
			return nil, err
		}
		values, err := measure(s)
		if err != nil {
			return nil, s.failed(err)
		}
		return values, s.end()
	}}
}

// settled is when a supervisor has nothing of its start left to do.
const settled = 500 * time.Millisecond

// superviseMemoryRow: all processes of ours for one container.
func superviseMemoryRow(w *workshop) experiment {
	return experiment{
		key: "supervise-memory", maxRounds: 5,
		metrics: []metric{{
			what: "supervisor, stage and janitor of one `lanyard supervise`, PSS", unit: "MB",
			budgets: []budget{{limit: 7.3, below: true}},
		}},
		contestants: []contestant{w.superviseContestant(func(s *service) ([]float64, error) {
			time.Sleep(settled)
			pids, err := s.ours()
			if err != nil {
				return nil, err
			}
			sum := 0.0
			for _, pid := range pids {
				v, err := megabytes(pid)
				if err != nil {
					return nil, err
				}
				sum += v
			}
			return []float64{sum}, nil
		})},
	}
}

// superviseKillRow: from the event kill to the state that says it is down.
func superviseKillRow(w *workshop) experiment {
	return experiment{
		key: "supervise-kill",
		metrics: []metric{{
			what: "`event: kill` to the state up:false", unit: "ms", budgets: []budget{{limit: 2, below: true}},
		}},
		contestants: []contestant{w.superviseContestant(func(s *service) ([]float64, error) {
			begin := time.Now()
			if err := s.client.Kill(); err != nil {
				return nil, err
			}
			if err := until(s.client, down); err != nil {
				return nil, err
			}
			return []float64{milliseconds(time.Since(begin))}, nil
		})},
	}
}

// The clients of subscribersRow.
const (
	subscribers = 1000
	stuck       = 10
	// repeats fill the buffers of a client that does not read: about 280 states
	// fit (net.core.wmem_default).
	repeats = 400
)

// subscribersRow: a change to a thousand clients of which ten don't read.
func subscribersRow(w *workshop) experiment {
	return w.crowdExperiment("subscribers", crowd{live: subscribers - stuck, stuck: stuck, changes: repeats}, []metric{
		{
			what: "one change to 1000 subscribers, 10 of them stuck: the last live one has it", unit: "ms",
			budgets: []budget{{limit: 50}},
		},
		{what: "memory of the supervisor for all of them", unit: "MB", budgets: []budget{{limit: 16}}},
	})
}

// fewSubscribersRow is the same with clients that all read.
func fewSubscribersRow(w *workshop, n int) experiment {
	return w.crowdExperiment(fmt.Sprintf("subscribers-%d", n), crowd{live: n}, []metric{
		{what: fmt.Sprintf("one change to %d subscribers: the last one has it", n), unit: "ms"},
	})
}

func (w *workshop) crowdExperiment(key string, c crowd, metrics []metric) experiment {
	return experiment{
		key: key, maxRounds: 10, metrics: metrics,
		contestants: []contestant{w.superviseContestant(func(s *service) ([]float64, error) {
			crowd := c
			return crowd.measure(s)
		})},
	}
}

// crowd is many clients of one supervisor, some of which don't read.
type crowd struct {
	live, stuck int
	changes     int // before the one that counts
	conns       []*client.Conn
}

func (c *crowd) leave() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *crowd) measure(s *service) ([]float64, error) {
	defer c.leave()
	if err := raiseFiles(); err != nil {
		return nil, err
	}
	before, err := megabytes(s.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for range c.live + c.stuck {
		conn, err := client.Dial(ctx, s.dir)
		if err != nil {
			return nil, err
		}
		c.conns = append(c.conns, conn)
	}
	var (
		live sync.WaitGroup
		mu   sync.Mutex
		last time.Time
		fail error
	)
	for _, conn := range c.conns[c.stuck:] {
		live.Go(func() {
			err := until(conn, down)
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fail = err
			}
			if now.After(last) {
				last = now
			}
		})
	}
	for range c.changes { // the container blocks TERM
		if err := s.client.Stop(); err != nil {
			return nil, err
		}
		if _, err := s.client.Next(); err != nil {
			return nil, err
		}
	}
	after, err := megabytes(s.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := s.client.Kill(); err != nil {
		return nil, err
	}
	live.Wait()
	return []float64{milliseconds(last.Sub(begin)), after - before}, fail
}
