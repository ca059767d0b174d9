package main

import (
	"os/exec"
	"slices"
)

// fallRow: one child exits, and its fifty siblings get their TERM. They take
// their time to end, as services do that finish what they are at.
func fallRow(w *workshop) experiment {
	return w.fallExperiment("fall", "fall-linger", "first child exits: the last of 50 siblings has its TERM")
}

// fallAtOnceRow is fallRow with siblings that exit in their TERM handler: the
// ends of the first compete for the processor with the handlers of the last.
func fallAtOnceRow(w *workshop) experiment {
	return w.fallExperiment("fall-at-once", "fall", "the same, where each sibling exits at once")
}

func (w *workshop) fallExperiment(key, command, what string) experiment {
	return experiment{
		key: key,
		metrics: []metric{
			{what: what, unit: "ms", budgets: []budget{{limit: 2, below: true}}},
			{what: what + ": half of them", unit: "ms"},
		},
		contestants: contestants(w.fall, w.lanyardArgs("--output", "raw", command)),
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
