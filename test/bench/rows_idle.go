package main

import (
	"fmt"
	"math"
	"os/exec"
	"time"
)

// idleRow: what fifty running children cost while nothing happens. The rounds
// are long, so there are three at most.
func idleRow(w *workshop, pause time.Duration) experiment {
	return experiment{
		key:       "idle",
		maxRounds: 3,
		metrics: []metric{
			{
				what: "memory per container on top of its command (PSS of PID 1, 50 running)", unit: "MB",
				budgets: []budget{{limit: 2}},
			},
			{
				what: "supervisor with 50 children, RSS", unit: "MB",
				budgets: []budget{{limit: 25, below: true}},
			},
			{
				what: "supervisor with 50 idle children, of one core", unit: "%",
				budgets: []budget{{limit: 1, below: true}},
			},
			{what: "the 50 PID 1 together, of one core", unit: "%"},
		},
		contestants: []contestant{
			w.lanyardArgs("--output", "raw", "fifty").contestant(func(cmd *exec.Cmd) ([]float64, error) {
				g, err := w.launch(cmd, siblings)
				if err != nil {
					return nil, err
				}
				values, err := watch(cmd.Process.Pid, siblings, pause)
				if err != nil {
					return nil, g.failed(err)
				}
				return values, g.end()
			}),
		},
	}
}

// watch measures a group of n over a pause.
func watch(supervisor, n int, pause time.Duration) ([]float64, error) {
	stages, err := firstProcesses(supervisor, n)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := busy(supervisor, stages)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	<-time.After(pause)
	oursNow, theirsNow, err := busy(supervisor, stages)
	if err != nil {
		return nil, err
	}
	percent := 100 / float64(time.Since(begin))

	var pss []float64
	for _, pid := range stages {
		v, err := megabytes(pid)
		if err != nil {
			v = math.NaN() // an ordinary user may not look at a stage
		}
		pss = append(pss, v)
	}
	rss, err := kilobytes(fmt.Sprintf("/proc/%d/status", supervisor), "VmRSS")
	if err != nil {
		return nil, err
	}
	return []float64{
		median(pss), rss / 1000 * 1.024, (oursNow - ours) * percent, (theirsNow - theirs) * percent,
	}, nil
}

// firstProcesses are the PID 1 of n containers: the supervisor's children
// that have children.
func firstProcesses(supervisor, n int) ([]int, error) {
	all, err := descendants(supervisor)
	if err != nil {
		return nil, err
	}
	seen := map[int]bool{supervisor: true}
	var out []int
	for _, p := range all {
		if !seen[p.parent] {
			seen[p.parent] = true
			out = append(out, p.parent)
		}
	}
	if len(out) != n {
		return nil, fmt.Errorf("%d processes below lanyard have children, want %d", len(out), n)
	}
	return out, nil
}

// busy is the processor time, in nanoseconds, of the supervisor and of all
// stages.
func busy(supervisor int, stages []int) (ours, theirs float64, err error) {
	if ours, err = cpuTime(supervisor); err != nil {
		return 0, 0, err
	}
	for _, pid := range stages {
		t, err := cpuTime(pid)
		if err != nil {
			return 0, 0, err
		}
		theirs += t
	}
	return ours, theirs, nil
}
