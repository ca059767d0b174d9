package main

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// group is a running lanyard, all of whose children have reported.
type group struct {
	*running
	took time.Duration // from the spawn to the last report
}

// launch starts cmd and waits until n containers have reported.
func (w *workshop) launch(cmd *exec.Cmd, n int) (*group, error) { return w.launchIn(w.project, cmd, n) }

// launchIn is launch in another folder.
func (w *workshop) launchIn(dir string, cmd *exec.Cmd, n int) (*group, error) {
	if err := w.up.drain(); err != nil {
		return nil, err
	}
	begin := time.Now()
	r, err := w.runIn(dir, cmd)
	if err != nil {
		return nil, err
	}
	if err := w.up.await(n); err != nil {
		return nil, r.failed(err)
	}
	return &group{running: r, took: time.Since(begin)}, nil
}

// end stops the group with TERM and waits until lanyard is gone.
func (g *group) end() error {
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return g.leave(128 + int(syscall.SIGTERM))
}

// leave waits for lanyard, which has to exit with the status.
func (g *group) leave(status int) error {
	err := g.waitFor(patience)
	if g.cmd.ProcessState.ExitCode() == status {
		return nil
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	return g.failed(err)
}
