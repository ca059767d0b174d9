package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// costRow: what fifty children that do nothing cost beyond themselves: memory of
// the supervisor and of whatever it has for each of them, and processor time. The
// pauses are long, so there are two rounds at most.
func costRow(w *workshop, pause time.Duration) experiment {
	e := experiment{
		key: "cost", maxRounds: 2,
		metrics: []metric{
			{
				what: "all that is not the command, of 50 children, for each (PSS)", unit: "MB",
				budgets: []budget{{against: "supervisord", limit: 1, below: true}},
			},
			{what: "the same of the supervisor alone", unit: "MB"},
			{what: "the same, idle, of one core", unit: "%"},
		},
	}
	for _, s := range w.supervisors() {
		e.contestants = append(e.contestants, w.setOut(s, e.key, repeat(holdUp, siblings), func(c *crew) ([]float64, error) {
			return c.cost(siblings, pause/2)
		}))
	}
	return e
}

// cost is what all processes of the crew need that are not the n commands: memory
// for each of those, memory of the supervisor alone, and processor time over a
// pause, in percent.
func (c *crew) cost(n int, pause time.Duration) ([]float64, error) {
	time.Sleep(settled)
	all, err := descendants(c.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	others := []int{c.cmd.Process.Pid} // the supervisor is the first
	for _, p := range all {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.pid))
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(string(name)) != filepath.Base(probePath) {
			others = append(others, p.pid)
		}
	}
	if commands := len(all) + 1 - len(others); commands != n {
		return nil, fmt.Errorf("%d commands run, want %d", commands, n)
	}
	before, err := processorTimeOf(others)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	time.Sleep(pause)
	after, err := processorTimeOf(others)
	if err != nil {
		return nil, err
	}
	percent := (after - before) * 100 / float64(time.Since(begin))
	alone, sum := 0.0, 0.0
	for i, pid := range others {
		v, err := kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss")
		if err != nil {
			return nil, err
		}
		sum += v / 1000 * 1.024
		if i == 0 {
			alone = sum
		}
	}
	_, err = c.disband()
	return []float64{sum / float64(n), alone, percent}, err
}
