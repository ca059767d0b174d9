package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// initRuns is how many runs the smallest sum is taken of: the initialisers
// themselves are what counts, not the machine's noise.
const initRuns = 20

// initRow: what Go's package initialisers cost at every start.
func initRow(w *workshop) experiment {
	return experiment{
		key:       "init",
		maxRounds: 1,
		metrics: []metric{{
			what: "package initialisers of the whole binary (smallest sum of 20 runs)", unit: "ms",
			budgets: []budget{{limit: 1, below: true}},
		}},
		contestants: contestants(w.initialisers, w.lanyardArgs("--version")),
	}
}

// initialisers is the smallest sum of several runs of a copy of cmd.
func (w *workshop) initialisers(cmd *exec.Cmd) ([]float64, error) {
	smallest := time.Duration(0)
	for i := range initRuns {
		run := exec.Command(cmd.Path, cmd.Args[1:]...)
		run.Dir = w.project
		run.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var trace bytes.Buffer
		run.Stderr = &trace
		_ = run.Run() // the trace is complete whatever the status is
		sum, err := initSum(trace.String())
		if err != nil {
			return nil, err
		}
		if i == 0 || sum < smallest {
			smallest = sum
		}
	}
	return []float64{milliseconds(smallest)}, nil
}

// initSum adds up the "clock" column of an inittrace, whose lines are
//
//	init NAME @0.50 ms, 0.010 ms clock, 80 bytes, 2 allocs
func initSum(trace string) (time.Duration, error) {
	var sum time.Duration
	lines := 0
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		if len(fields) < 7 || fields[0] != "init" || fields[6] != "clock," {
			continue
		}
		ms, err := strconv.ParseFloat(fields[4], 64)
		if err != nil {
			return 0, fmt.Errorf("cannot read the inittrace line %q: %v", line, err)
		}
		sum += time.Duration(ms * float64(time.Millisecond))
		lines++
	}
	if lines == 0 {
		return 0, fmt.Errorf("no inittrace came; the program said: %.200s", trace)
	}
	return sum, nil
}
