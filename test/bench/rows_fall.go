package main

import (
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// fallRow: one child exits, and its fifty siblings get their TERM. They take
// their time to end, as services do that finish what they are at.
func fallRow(w *workshop) experiment {
	return w.fallExperiment("fall", "fall-linger", lingerTerm,
		"first child exits: the last of 50 siblings has its TERM", []budget{{limit: 2, below: true}})
}

// fallAtOnceRow is fallRow with siblings that exit in their TERM handler: the
// ends of the first compete for the processor with the handlers of the last.
// No budget: the bare containers, which nobody supervises, need three times the
// 2 ms of the row above (docs/adr/0012).
func fallAtOnceRow(w *workshop) experiment {
	e := w.fallExperiment("fall-at-once", "fall", waitTerm,
		"the same, where each sibling exits at once", nil)
	e.maxRounds = 10 // some take seconds to tell all
	for _, s := range w.processSupervisors() {
		if s.missing == "" {
			s.missing = s.alone
		}
		children := append([][]string{exitFirst}, repeat(waitTerm, siblings)...)
		e.contestants = append(e.contestants, w.setOut(s, e.key, children, w.fallOf))
	}
	return e
}

// fallOf is fall of another supervisor, which has a status of its own.
func (w *workshop) fallOf(c *crew) ([]float64, error) {
	if err := w.start.open(); err != nil {
		return nil, err
	}
	times, err := w.up.times(siblings + 1)
	if err != nil {
		return nil, err
	}
	_, err = c.disband() // it is at it already
	return sinceFirst(times), err
}

func (w *workshop) fallExperiment(key, command string, sibling []string, what string, promised []budget) experiment {
	bare := w.cloneArgs(nil)
	return experiment{
		key: key,
		metrics: []metric{
			{what: what, unit: "ms", budgets: promised},
			{what: what + ": half of them", unit: "ms"},
		},
		contestants: append(contestants(w.fall, w.lanyardArgs("--output", "raw", command)),
			contestant{name: bare.name, missing: bare.missing, measure: func() ([]float64, error) {
				return w.fallBare(sibling)
			}}),
	}
}

// fall lets the first child go and compares the clocks that the children
// read: one just before its exit, the others just after TERM.
func (w *workshop) fall(cmd *exec.Cmd) ([]float64, error) {
	g, err := w.launch(cmd, siblings+1)
	if err != nil {
		return nil, err
	}
	return g.fall(siblings)
}

// fall is of a group with so many siblings of the first child.
func (g *group) fall(siblings int) ([]float64, error) {
	time.Sleep(settled)
	if err := g.w.start.open(); err != nil {
		return nil, g.failed(err)
	}
	times, err := g.w.up.times(siblings + 1)
	if err != nil {
		return nil, g.failed(err)
	}
	if err := g.leave(3); err != nil {
		return nil, err
	}
	return sinceFirst(times), nil
}

// sinceFirst is when the last and when half of the siblings had their TERM.
func sinceFirst(times []int64) []float64 {
	slices.Sort(times)
	since := func(i int) float64 { return float64(times[i]-times[0]) / 1e6 }
	return []float64{since(len(times) - 1), since((len(times) - 1) / 2)}
}

// fallBare is the same with bare containers and no supervisor: all there is
// besides is a wait for the first and fifty pidfd_send_signal.
func (w *workshop) fallBare(sibling []string) ([]float64, error) {
	if err := w.up.drain(); err != nil {
		return nil, err
	}
	if err := w.up.patient(); err != nil {
		return nil, err
	}
	var running []*exec.Cmd
	defer func() {
		for _, cmd := range running {
			_ = cmd.Process.Kill() // most have ended
			_ = cmd.Wait()         // killed, or waited for before
		}
	}()
	for i := range siblings + 1 {
		argv := sibling
		if i == 0 {
			argv = exitFirst
		}
		cmd, err := w.cloneArgs(argv).command()
		if err != nil {
			return nil, err
		}
		cmd.Dir = w.project
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		running = append(running, cmd)
	}
	if err := w.up.await(siblings + 1); err != nil {
		return nil, err
	}
	time.Sleep(settled)
	if err := w.start.open(); err != nil {
		return nil, err
	}
	_ = running[0].Wait() // it exits with 3
	for _, cmd := range running[1:] {
		if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
			return nil, err
		}
	}
	times, err := w.up.times(siblings + 1)
	if err != nil {
		return nil, err
	}
	return sinceFirst(times), nil
}
