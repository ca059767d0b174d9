package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// holdStudy: a group from its spawn to its orderly stop, and what it costs while
// nothing happens.
func (w *workshop) holdStudy(pause time.Duration) study {
	all := law{exponent: 1}
	idle := law{exponent: 1, floor: 0.01}
	return study{
		axis: "children",
		laws: []law{all, all, {}, all, idle, idle},
		experiment: experiment{
			key: "growth-hold",
			metrics: []metric{
				{what: "start: spawn of lanyard to all up", unit: "ms"},
				{what: "orderly stop: TERM to lanyard's end", unit: "ms"},
				{what: "memory per child (PSS of its PID 1)", unit: "MB"},
				{what: "memory of the supervisor (PSS)", unit: "MB"},
				{what: "supervisor of idle children, of one core", unit: "%"},
				{what: "PID 1 of all idle children, of one core", unit: "%"},
			},
			contestants: w.groups("hold", "", func(n int) [][]string { return repeat(holdUp, n) },
				func(dir string, n int) ([]float64, error) {
					g, err := w.launchGroup(dir, n, "--output", "raw")
					if err != nil {
						return nil, err
					}
					time.Sleep(settled)
					watched, err := watch(g.cmd.Process.Pid, n, pause)
					if err != nil {
						return nil, g.failed(err)
					}
					supervisor, err := megabytes(g.cmd.Process.Pid)
					if err != nil {
						return nil, g.failed(err)
					}
					begin := time.Now()
					err = g.end()
					return []float64{
						milliseconds(g.took), milliseconds(time.Since(begin)), watched[0], supervisor, watched[2], watched[3],
					}, err
				}),
		},
	}
}

// fallStudy: one child more than the axis says exits.
func (w *workshop) fallStudy() study {
	return study{
		axis: "children",
		laws: []law{{exponent: 1}},
		experiment: experiment{
			key:     "growth-fall",
			metrics: []metric{{what: "one more child exits: the last has its TERM", unit: "ms"}},
			contestants: w.groups("fall", "    kill-unresponsive-after: 0.3\n",
				func(n int) [][]string { return append([][]string{exitFirst}, repeat(lingerTerm, n)...) },
				func(dir string, n int) ([]float64, error) {
					g, err := w.launchGroup(dir, n+1, "--output", "raw")
					if err != nil {
						return nil, err
					}
					times, err := g.fall(n)
					if err != nil {
						return nil, err
					}
					return times[:1], nil
				}),
		},
	}
}

// killStudy: the supervisor is killed.
func (w *workshop) killStudy() study {
	return study{
		axis: "children",
		laws: []law{{exponent: 1}},
		experiment: experiment{
			key:     "growth-kill",
			metrics: []metric{{what: "kill -9 of the supervisor: nothing left", unit: "ms"}},
			contestants: w.groups("kill", "", func(n int) [][]string { return repeat(holdUp, n) },
				func(dir string, n int) ([]float64, error) {
					before := belongings()
					g, err := w.launchGroup(dir, n, "--output", "raw")
					if err != nil {
						return nil, err
					}
					values, err := g.killed(before, n)
					if err != nil {
						return nil, err
					}
					return values[:1], nil
				}),
		},
	}
}

// busyLines reports and then writes lines until it is killed: 13 GB are more than
// anybody waits for.
var busyLines = []string{probePath, "owor" + strings.Repeat("b", 200), upPath, blockPath}

// busyStudy: all children write as fast as they can. Nobody reads until all are
// up, so they wait with full pipes, and no start competes with output.
func (w *workshop) busyStudy(pause time.Duration) study {
	return study{
		axis: "children",
		laws: []law{{rate: true}, {}},
		experiment: experiment{
			key: "growth-output",
			metrics: []metric{
				{what: "prefixed output while all are busy", unit: "MB/s"},
				{what: "supervisor's CPU time for 1 MB of that output", unit: "ms"},
			},
			contestants: w.groups("busy", "", func(n int) [][]string { return repeat(busyLines, n) },
				func(dir string, n int) ([]float64, error) { return w.busyOutput(dir, n, min(pause, 2*time.Second)) }),
		},
	}
}

// busyOutput reads for a while what n children write.
func (w *workshop) busyOutput(dir string, n int, while time.Duration) ([]float64, error) {
	cmd, err := w.lanyardArgs("--output", "prefix", groupName).command()
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	cmd.Stdout = writer
	g, err := w.launchIn(dir, cmd, n)
	writer.Close()
	if err != nil {
		return nil, err
	}
	lines := &lineCounter{}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(lines, reader)
		ended <- err
	}()
	time.Sleep(settled) // the pipes were full
	cpu, err := cpuTime(g.cmd.Process.Pid)
	if err != nil {
		return nil, g.failed(err)
	}
	begin, first := time.Now(), lines.n.Load()
	time.Sleep(while)
	took, read := time.Since(begin), lines.n.Load()-first
	cpuNow, err := cpuTime(g.cmd.Process.Pid)
	if err != nil {
		return nil, g.failed(err)
	}
	if err := errors.Join(g.end(), <-ended); err != nil {
		return nil, err
	}
	megabytes := float64(read*lineLength) / 1e6
	return []float64{megabytes / took.Seconds(), (cpuNow - cpu) / 1e6 / megabytes}, nil
}

// crowdStudy: clients of one container's supervisor, all of which read.
func (w *workshop) crowdStudy() study {
	s := study{
		axis: "subscribers",
		laws: []law{{exponent: 1}, {exponent: 1, floor: 0.1}},
		experiment: experiment{
			key: "growth-subscribers",
			metrics: []metric{
				{what: "a change to all subscribers: the last has it", unit: "ms"},
				{what: "memory of the supervisor for all of them", unit: "MB"},
			},
		},
	}
	for _, n := range append(sizes, subscribers) {
		c := w.superviseContestant(func(s *service) ([]float64, error) {
			return (&crowd{live: n, changes: 1}).measure(s)
		})
		c.name = strconv.Itoa(n)
		s.contestants = append(s.contestants, c)
	}
	return s
}

// lineCounter counts the lines that are written to it.
type lineCounter struct{ n atomic.Int64 }

func (c *lineCounter) Write(data []byte) (int, error) {
	c.n.Add(int64(bytes.Count(data, []byte{'\n'})))
	return len(data), nil
}
