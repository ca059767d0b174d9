package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// partBlocks is how many blocks the probe's operation s writes: part is that many
// bytes.
const (
	partBlocks = 16
	partBytes  = blockSize * partBlocks
)

// busySizes are the numbers of children that write, the rounds, and how many
// parts each of them writes: as much as keeps a round below some seconds.
var busySizes = []struct{ children, maxRounds, parts int }{{1, 0, 256}, {10, 10, 64}, {siblings, 5, 16}}

// busyPeers is the largest number for which others than lanyard are measured.
const busyPeers = 10

// writeParts is a child that reports, waits at the gate, writes and stays.
func writeParts(parts int) []string {
	many, few := parts*partBlocks/blocksWritten, parts%(blocksWritten/partBlocks)
	return []string{probePath, "owogor" + strings.Repeat("b", many) + strings.Repeat("s", few) + "p", upPath, goPath, blockPath}
}

// busyRows: the output of one and of many children at the same time, in lanyard's
// three modes and through others that prefix lines. It starts when all are up,
// and ends when the last line has come; what is slow to start is not slower here.
func busyRows(w *workshop) []experiment {
	var out []experiment
	for _, size := range busySizes {
		n := size.children
		e := experiment{
			key: fmt.Sprintf("busy-%d", n), maxRounds: size.maxRounds,
			metrics: []metric{
				{what: fmt.Sprintf("prefixed output of %d busy, 100-byte lines in large blocks", n), unit: "MB/s"},
				{what: "processor time of all processes for that, the children's too", unit: "s/GB"},
			},
		}
		add := func(s supervisor, parts int) {
			e.contestants = append(e.contestants, w.setOut(s, e.key, repeat(writeParts(parts), n), func(c *crew) ([]float64, error) {
				return c.flood(n, parts)
			}))
		}
		add(w.lanyardGroup("prefix"), size.parts)
		for _, mode := range []string{"raw", "json"} {
			s := w.lanyardGroup(mode)
			s.name = mode
			add(s, size.parts)
		}
		for _, s := range append(w.processSupervisors(), w.dockerCompose()) {
			if s.slow == 0 || n > busyPeers {
				continue
			}
			add(s, size.parts/s.slow)
			e.metrics[0].budgets = append(e.metrics[0].budgets, budget{against: s.name, limit: 3, atLeast: true})
		}
		add(w.script("no supervisor", func(argv []string) string { return strings.Join(w.onHost(argv), " ") }), size.parts)
		out = append(out, e)
	}
	return out
}

// flood lets all children write, and gives the rate of what they wrote and the
// processor time of the supervisor and all below it for each GB.
func (c *crew) flood(n, parts int) ([]float64, error) {
	before, err := c.processorTime()
	if err != nil {
		return nil, err
	}
	total := n * parts * partBytes
	begin := time.Now()
	if _, err := c.w.start.file.Write(bytes.Repeat([]byte{'x'}, n)); err != nil {
		return nil, err
	}
	if err := c.readLines(total / lineLength); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	after, err := c.processorTime()
	if err != nil {
		return nil, err
	}
	cost := (after - before) / float64(total)
	if c.s.elsewhere {
		cost = math.NaN() // what does the work is not seen from here
	}
	_, err = c.disband()
	return []float64{float64(total) / 1e6 / took.Seconds(), cost}, err
}

// processorTime is that of the supervisor and of all below it, in nanoseconds.
func (c *crew) processorTime() (float64, error) {
	all, err := descendants(c.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	pids := []int{c.cmd.Process.Pid}
	for _, p := range all {
		pids = append(pids, p.pid)
	}
	return processorTimeOf(pids)
}

// processorTimeOf sums cpuTime.
func processorTimeOf(pids []int) (float64, error) {
	sum := 0.0
	for _, pid := range pids {
		t, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// readLines reads the crew's output until that many lines have come, within
// patience. Lines of the supervisor itself count too; they are some in ten
// thousands.
func (c *crew) readLines(lines int) error {
	if err := c.output.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	buf := make([]byte, 128<<10) // what cat reads at once
	for seen := 0; seen < lines; {
		got, err := c.output.Read(buf)
		seen += bytes.Count(buf[:got], []byte{'\n'})
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("%d of %d lines: %w", seen, lines, err)
		}
	}
	return nil
}
