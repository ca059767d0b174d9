package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// figures are what one lanyard has at a moment.
type figures struct {
	PSS, RSS    float64 // KiB; PSS is 0 where it may not be read
	Descriptors float64
	Threads     float64
	Goroutines  float64 // 0 if they can't be counted
	Heap        float64 // KiB alive at the last collection; 0 if that can't be known, and before the first
	CPU         float64 // percent of one core, since the last sample
}

// sample is one look at everything.
type sample struct {
	at      time.Duration // since the begin
	group   figures
	service figures
	inits   float64 // KiB of resident memory of the group's inits together
}

func (s *soak) measure(begun time.Time) (sample, error) {
	out := sample{at: time.Since(begun)}
	var err error
	if out.group, err = s.group.measure(); err != nil {
		return out, err
	}
	if out.service, err = s.service.measure(); err != nil {
		return out, err
	}
	list := inits(s.group)
	if len(list) != children {
		return out, fmt.Errorf("%d inits of %d children are there", len(list), children)
	}
	for _, p := range list {
		out.inits += kibibytes(procPath(p.PID, "status"), "VmRSS")
	}
	return out, nil
}

func (s *subject) measure() (figures, error) {
	if s.over() {
		return figures{}, fmt.Errorf("the %s has ended: %v", s.name, s.cmd.ProcessState)
	}
	pid := s.cmd.Process.Pid
	f := figures{
		PSS: kibibytes(procPath(pid, "smaps_rollup"), "Pss"), RSS: kibibytes(procPath(pid, "status"), "VmRSS"),
		Descriptors: entries(procPath(pid, "fd")), Threads: entries(procPath(pid, "task")),
	}
	var err error
	if f.Goroutines, f.Heap, err = s.asker.inside(); err != nil {
		return f, fmt.Errorf("the %s does not tell its goroutines: %w", s.name, err)
	}
	cpu, now := cpuTime(pid), time.Now()
	if !s.at.IsZero() {
		f.CPU = 100 * float64(cpu-s.cpu) / float64(now.Sub(s.at))
	}
	s.cpu, s.at = cpu, now
	return f, nil
}

// cpuTime is what a process has used, with all its threads, in steps of 10 ms
// (proc_pid_stat(5), fields 14 and 15).
func cpuTime(pid int) time.Duration {
	fields := stat(pid)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// stat gives the fields of a stat file from the third on: what stands before is a
// name that may hold anything.
func stat(pid int) []string {
	data, _ := os.ReadFile(procPath(pid, "stat"))
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}

// inits are the containers' first processes of a lanyard.
func inits(s *subject) []testkit.Process {
	return testkit.Named(testkit.Living(testkit.Marked(s.mark)), "lanyard-init")
}

func entries(folder string) float64 {
	list, _ := os.ReadDir(folder)
	return float64(len(list))
}

// kibibytes reads one "Name:   123 kB" line of a file of /proc.
func kibibytes(path, name string) float64 {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == name+":" {
			n, _ := strconv.ParseFloat(fields[1], 64)
			return n
		}
	}
	return 0
}

func procPath(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }
