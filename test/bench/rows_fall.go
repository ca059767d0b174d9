package main

import (
	"os/exec"
	"slices"
)

// fallRow: one child exits, and its fifty siblings get their TERM.
func fallRow(w *workshop) experiment {
	return experiment{
		key: "fall",
		metrics: []metric{
			{
				what: "first child exits: the last of 50 siblings has its TERM", unit: "ms",
				budgets: []budget{{limit: 2, below: true}},
			},
			{what: "first child exits: half of the siblings have it", unit: "ms"},
		},
		// Siblings that exit at once compete for the processor with the TERMs of
		// the others; those that linger show the delivery alone.
		contestants: contestants(w.fall,
			w.lanyardArgs("--output", "raw", "fall"),
			named("siblings that linger", w.lanyardArgs("--output", "raw", "fall-linger"))),
	}
}

// fall lets the first child go and compares the clocks that the children
// read: one just before its exit, the others just after TERM.
func (w *workshop) fall(cmd *exec.Cmd) ([]float64, error) {
	g, err := w.launch(cmd, siblings+1)
	if err != nil {
		return nil, err
	}
	if err := w.start.open(); err != nil {
		return nil, g.failed(err)
	}
	times, err := w.up.times(siblings + 1)
	if err != nil {
		return nil, g.failed(err)
	}
	if err := g.leave(3); err != nil {
		return nil, err
	}
	slices.Sort(times)
	since := func(i int) float64 { return float64(times[i]-times[0]) / 1e6 }
	return []float64{since(siblings), since(siblings / 2)}, nil
}
