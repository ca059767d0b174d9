package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-dev/lanyard/client"
)

// restartDelay is what lanyard supervise waits between an exit and a restart
// (docs/control-protocol.md): it is meant, and no cost.
const restartDelay = time.Second

// restartRow: a command that is killed from outside, until its successor is up.
func restartRow(w *workshop) experiment {
	return experiment{
		key: "restart", maxRounds: 10,
		metrics: []metric{
			{what: "restart of a command that ends, to up:true, beyond the second that is waited", unit: "ms"},
			{what: "restarts per second, of which that second allows one at most", unit: "1/s"},
		},
		contestants: []contestant{w.superviseContestant(restarted)},
	}
}

// restarted kills the command itself, which is the last process below the
// supervisor: a kill by the protocol would be followed by no restart.
func restarted(s *service) ([]float64, error) {
	begin := time.Now()
	if err := s.signalLast(unix.SIGKILL); err != nil {
		return nil, err
	}
	if err := until(s.client, func(s client.State) bool { return s.Up && s.Restarts == 1 }); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	return []float64{milliseconds(took - restartDelay), 1 / took.Seconds()}, nil
}
