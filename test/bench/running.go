package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// running is a started command. It is waited for all the time, so that one
// that fails does not have to be found out by patience.
type running struct {
	w     *workshop
	cmd   *exec.Cmd
	ended chan struct{} // closed after Wait
	err   error         // of Wait; valid once ended is closed
}

// run starts a command in the project with its standard error kept for
// failed. If it fails, whoever reads from w.up soon stops.
func (w *workshop) run(cmd *exec.Cmd) (*running, error) { return w.runIn(w.project, cmd) }

// runIn is run in another folder.
func (w *workshop) runIn(dir string, cmd *exec.Cmd) (*running, error) {
	if err := w.stderr.Truncate(0); err != nil {
		return nil, err
	}
	if _, err := w.stderr.Seek(0, 0); err != nil {
		return nil, err
	}
	cmd.Dir = dir
	cmd.Stderr = w.stderr
	if err := w.up.patient(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &running{w: w, cmd: cmd, ended: make(chan struct{})}
	go func() {
		if r.err = cmd.Wait(); r.err != nil {
			_ = w.up.hurry() // an error shows in the next read
		}
		close(r.ended)
	}()
	return r, nil
}

// wait waits for the command's end.
func (r *running) wait() error {
	<-r.ended
	return r.err
}

// over says whether the command has ended.
func (r *running) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// waitFor is wait with a limit, after which the command is killed.
func (r *running) waitFor(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.ended:
		return r.err
	case <-timer.C:
		_ = r.cmd.Process.Kill() // it may end by itself right now
		<-r.ended
		return fmt.Errorf("it did not end within %v", limit)
	}
}

// failed ends a command that did not do its part, and adds the first line of
// what it said to err.
func (r *running) failed(err error) error {
	if !r.over() {
		_ = r.cmd.Process.Kill() // it may end by itself right now
		<-r.ended
	}
	said, _ := os.ReadFile(r.w.stderr.Name())
	first, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	return fmt.Errorf("%s: %v; %v; it said: %.200s", filepath.Base(r.cmd.Path), err, r.cmd.ProcessState, first)
}

// firstByte starts a command and returns the milliseconds until its
// container has written to w.up. It waits for the command's end.
func (w *workshop) firstByte(cmd *exec.Cmd) ([]float64, error) {
	g, err := w.launch(cmd, 1)
	if err != nil {
		return nil, err
	}
	if err := g.waitFor(patience); err != nil {
		return nil, g.failed(err)
	}
	return []float64{milliseconds(g.took)}, nil
}

// whole runs a command and returns the milliseconds until it has ended.
func (w *workshop) whole(cmd *exec.Cmd) ([]float64, error) {
	begin := time.Now()
	r, err := w.run(cmd)
	if err != nil {
		return nil, err
	}
	if err := r.waitFor(patience); err != nil {
		return nil, r.failed(err)
	}
	return []float64{milliseconds(time.Since(begin))}, nil
}
