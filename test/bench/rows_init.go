package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// initRuns is how many runs the smallest sum is taken of: the initialisers
// themselves are what counts, not the machine's noise.
const initRuns = 20

// initRow: what Go's package initialisers cost at every start.
func initRow(w *workshop) experiment {
	return experiment{
		key:       "init",
		maxRounds: 1,
		metrics: []metric{
			{
				what: "package initialisers of the whole binary (smallest sum of 20 runs)", unit: "ms",
				budgets: []budget{{limit: 1, below: true}},
			},
			{
				what: "package initialisers before the stage runs (smallest sum of 20 runs)", unit: "ms",
				budgets: []budget{{limit: 0.2, below: true}},
			},
		},
		contestants: contestants(w.initialisers, w.lanyardArgs("--version")),
	}
}

// stagePackage is where a stage leaves the initialisers: its own never
// returns.
const stagePackage = "github.com/lanyard-dev/lanyard/internal/stage"

// initialisers takes the smallest sums of several runs, of all that the
// binary initialises and of what comes up to the stage's package. A stage
// itself can't be traced: it takes no environment.
func (w *workshop) initialisers(cmd *exec.Cmd) ([]float64, error) {
	var whole, early []float64
	for range initRuns {
		fresh := exec.Command(cmd.Path, cmd.Args[1:]...)
		fresh.Dir = w.project
		fresh.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var trace bytes.Buffer
		fresh.Stderr = &trace
		_ = fresh.Run() // the trace is complete whatever the status is
		all, stage, err := initSums(trace.String())
		if err != nil {
			return nil, err
		}
		whole = append(whole, all)
		early = append(early, stage)
	}
	return []float64{slices.Min(whole), slices.Min(early)}, nil
}

// initSums adds up the "clock" column of an inittrace, in milliseconds: of all
// its lines, and of those up to the stage's package. The lines are
//
//	init NAME @0.50 ms, 0.010 ms clock, 80 bytes, 2 allocs
func initSums(trace string) (whole, stage float64, err error) {
	stage = math.NaN()
	parsing, lines := 0.0, 0
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		if len(fields) < 7 || fields[0] != "init" || fields[6] != "clock," {
			continue
		}
		ms, err := strconv.ParseFloat(fields[4], 64)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot read the inittrace line %q: %v", line, err)
		}
		lines++
		whole += ms
		if fields[1] == "internal/godebug" {
			parsing = ms // of GODEBUG, which this trace needs and a stage does not have
		}
		if fields[1] == stagePackage {
			stage = whole - parsing
		}
	}
	if lines == 0 {
		return 0, 0, fmt.Errorf("no inittrace came; the program said: %.200s", trace)
	}
	return whole, stage, nil
}
