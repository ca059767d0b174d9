package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// stopRow: one container, from the request to end it in order until nothing of it
// is left. Each is asked in its own way: by TERM to the program in the foreground,
// by the runtime's command kill, or, where the program does not pass signals on, by
// TERM to the command. The container has been up for half a second: what a start
// has left to do is none of its end.
func stopRow(w *workshop) experiment {
	e := experiment{
		key: "stop",
		metrics: []metric{{
			what: "end of a container: TERM to nothing left", unit: "ms", budgets: aheadOf(sameKind...),
		}},
		contestants: []contestant{w.setOut(w.lanyardGroup("raw"), "stop", [][]string{untilTerm}, func(c *crew) ([]float64, error) {
			time.Sleep(settled)
			took, err := c.disband()
			return []float64{took}, err
		})},
	}
	for _, p := range []struct {
		starter
		stop func(*group) error
	}{
		{w.bareArgs(untilTerm), termLast},
		{w.ociArgs("crun", untilTerm, false), w.ociKill}, {w.ociArgs("runc", untilTerm, false), w.ociKill},
		{w.podmanArgs(untilTerm), termFirst}, {w.dockerArgs(untilTerm), termFirst}, {w.nspawnArgs(untilTerm), termFirst},
		{w.bwrapArgs(untilTerm), termLast}, {w.hostArgs(untilTerm), termFirst},
	} {
		e.contestants = append(e.contestants, p.contestant(func(cmd *exec.Cmd) ([]float64, error) {
			return w.ended(cmd, p.stop)
		}))
	}
	return e
}

// ended starts a container, has it ended when it has settled, and measures until the
// program and all that was below it are gone.
func (w *workshop) ended(cmd *exec.Cmd, stop func(*group) error) ([]float64, error) {
	g, err := w.launch(cmd, 1)
	if err != nil {
		return nil, err
	}
	time.Sleep(settled)
	fds, err := openAll(cmd.Process.Pid, 0)
	if err != nil {
		return nil, g.failed(err)
	}
	defer closeAll(fds)
	begin := time.Now()
	if err := stop(g); err != nil {
		return nil, g.failed(err)
	}
	left, err := awaitExits(fds, patience)
	if err == nil && left > 0 {
		err = fmt.Errorf("%d processes are left after %v", left, patience)
	}
	if err != nil {
		return nil, g.failed(err)
	}
	if err := g.waitFor(patience); err != nil {
		return nil, g.failed(err)
	}
	return []float64{milliseconds(time.Since(begin))}, nil
}

func termFirst(g *group) error { return g.cmd.Process.Signal(unix.SIGTERM) }

func termLast(g *group) error { return g.signalLast(unix.SIGTERM) }

// signalLast signals the command: the last in a line of processes, each the child
// of the one before.
func (r *running) signalLast(sig unix.Signal) error {
	all, err := descendants(r.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("nothing runs below %s", r.cmd.Path)
	}
	return unix.Kill(all[len(all)-1].pid, sig)
}

// ociKill has an OCI runtime send TERM. The id is the last argument of its run.
func (w *workshop) ociKill(g *group) error {
	id := g.cmd.Args[len(g.cmd.Args)-1]
	out, err := exec.Command(g.cmd.Path, "--root", filepath.Join(w.dir, filepath.Base(g.cmd.Path)), "kill", id, "TERM").CombinedOutput()
	if err != nil {
		return fmt.Errorf("kill: %v; it said: %.200s", err, out)
	}
	return nil
}
