package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// killRow: the supervisor is killed with fifty children running.
func killRow(w *workshop) experiment {
	e := experiment{
		key: "kill",
		metrics: []metric{
			{
				what: "kill -9 of the supervisor with 50 children: no process, mount, cgroup or file left", unit: "ms",
				budgets: []budget{{limit: 250, below: true}},
			},
			{what: "the same, until the last process is gone", unit: "ms"},
		},
		contestants: contestants(w.killed, w.lanyardArgs("--output", "raw", "fifty"),
			named("with limits", w.lanyardArgs("--output", "raw", "fifty-limited"))),
	}
	for _, s := range w.processSupervisors() {
		e.contestants = append(e.contestants, w.setOut(s, e.key, repeat(holdUp, siblings), (*crew).killed))
	}
	return e
}

// outlive is how long what a supervisor has left may take to follow it.
const outlive = 2 * time.Second

// killed measures the same of another supervisor, of which nothing but processes
// are left.
func (c *crew) killed() ([]float64, error) {
	fds, err := openAll(c.cmd.Process.Pid, 1)
	if err != nil {
		return nil, err
	}
	defer closeAll(fds)
	begin := time.Now()
	if err := c.cmd.Process.Kill(); err != nil {
		return nil, err
	}
	left, err := awaitExits(fds, outlive)
	if err == nil && left > 0 {
		err = absence(fmt.Sprintf("%d of the %d processes below it are left %v after its kill -9", left, len(fds), outlive))
	}
	took := milliseconds(time.Since(begin))
	_ = c.wait() // killed, as we wanted
	return []float64{took, took}, err
}

// killed measures how long things of a killed group outlive it. The
// containers' mounts are in their own namespaces and go with their processes.
func (w *workshop) killed(cmd *exec.Cmd) ([]float64, error) {
	before := belongings()
	g, err := w.launch(cmd, siblings)
	if err != nil {
		return nil, err
	}
	return g.killed(before, siblings)
}

// killed is of a group of n, whose belongings were not there before.
func (g *group) killed(before map[string]bool, n int) ([]float64, error) {
	left := belongings()
	maps.DeleteFunc(left, func(path string, _ bool) bool { return before[path] })
	pidfds, err := openAll(g.cmd.Process.Pid, n)
	if err != nil {
		return nil, g.failed(err)
	}
	defer closeAll(pidfds)

	begin := time.Now()
	if err := g.cmd.Process.Kill(); err != nil {
		return nil, err
	}
	outlived, err := awaitExits(pidfds, patience)
	if err == nil && outlived > 0 {
		err = fmt.Errorf("%d processes outlived lanyard by %v", outlived, patience)
	}
	if err != nil {
		return nil, g.failed(err)
	}
	processesGone := time.Since(begin)
	if err := awaitRemoval(left); err != nil {
		return nil, g.failed(err)
	}
	allGone := time.Since(begin)
	_ = g.wait() // killed, as we wanted
	return []float64{milliseconds(allGone), milliseconds(processesGone)}, nil
}

// openAll opens a pidfd for every descendant of pid, which are n at least.
func openAll(pid, n int) ([]unix.PollFd, error) {
	all, err := descendants(pid)
	if err != nil {
		return nil, err
	}
	if len(all) < n {
		return nil, fmt.Errorf("%d processes run below lanyard, want at least %d", len(all), n)
	}
	var out []unix.PollFd
	for _, p := range all {
		fd, err := unix.PidfdOpen(p.pid, 0)
		if err == unix.ESRCH {
			continue // it has ended meanwhile
		}
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("pidfd_open %d: %v", p.pid, err)
		}
		out = append(out, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	return out, nil
}

func closeAll(fds []unix.PollFd) {
	for _, p := range fds {
		unix.Close(int(p.Fd))
	}
}

// awaitExits waits until every pidfd is readable: its process is dead. After
// limit it says how many are not.
func awaitExits(fds []unix.PollFd, limit time.Duration) (left int, err error) {
	deadline := time.Now().Add(limit)
	for i := range fds {
		for {
			n, err := unix.Poll(fds[i:i+1], max(int(time.Until(deadline).Milliseconds()), 0))
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return 0, err
			}
			if n == 0 {
				left++
			}
			break
		}
	}
	return left, nil
}

// awaitRemoval polls, twice per millisecond, until none of the paths exists.
func awaitRemoval(paths map[string]bool) error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for path := range paths {
		for {
			if _, err := os.Lstat(path); os.IsNotExist(err) {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s outlived lanyard by %v", path, patience)
			}
			<-tick.C
		}
	}
	return nil
}

// belongings are the folders that may be a run's: cgroups, and what is in the
// folders of runs.
func belongings() map[string]bool {
	out := map[string]bool{}
	runs := []string{"/run/lanyard"}
	if os.Geteuid() != 0 {
		runs = []string{
			filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "lanyard"),
			fmt.Sprintf("/tmp/lanyard-%d", os.Geteuid()),
		}
	}
	for _, dir := range runs {
		entries, _ := os.ReadDir(dir) // no folder: no runs
		for _, e := range entries {
			out[filepath.Join(dir, e.Name())] = true
		}
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			out[path] = true
		}
		return nil // other people's cgroups come and go
	})
	return out
}
