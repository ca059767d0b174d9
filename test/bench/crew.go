package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"
)

// crew is a running supervisor with a group of children, all of which have
// reported.
type crew struct {
	*group
	s      supervisor
	output *os.File // what it writes; nobody reads it before the measurement does
}

// setOut is a contestant for a supervisor with these children, which is
// configured once and started for each measurement. What the measurement leaves
// running is killed after it.
func (w *workshop) setOut(s supervisor, name string, children [][]string, measure func(*crew) ([]float64, error)) contestant {
	dir := ""
	return contestant{name: s.name, missing: s.missing, measure: func() (values []float64, err error) {
		if dir == "" {
			w.runs++
			if dir, err = s.configure(fmt.Sprintf("%s-%s-%d", name, strings.Fields(s.name)[0], w.runs), children); err != nil {
				return nil, err
			}
		}
		defer func() {
			if s.after != nil {
				err = errors.Join(err, s.after(dir))
			}
			err = errors.Join(err, w.sweep())
		}()
		c, err := w.assemble(s, dir, len(children))
		if err != nil {
			return nil, err
		}
		defer c.output.Close()
		values, err = measure(c)
		var a absence
		if err != nil && !errors.As(err, &a) {
			return nil, c.failed(err)
		}
		return values, err
	}}
}

// absence is a reason to have no figure that is none to look at what the
// supervisor has said.
type absence string

func (a absence) Error() string { return string(a) }

// assemble starts the supervisor and waits until its children are up.
func (w *workshop) assemble(s supervisor, dir string, n int) (*crew, error) {
	cmd, err := s.command(dir)
	if err != nil {
		return nil, err
	}
	if !s.tidy {
		cmd.Env = append(os.Environ(), markVar+"="+w.dir)
	}
	output, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = theirs
	g, err := w.launchIn(dir, cmd, n)
	theirs.Close()
	if err != nil {
		output.Close()
		return nil, err
	}
	return &crew{group: g, s: s, output: output}, nil
}

// enough is how long a supervisor may take to end its children; what takes longer
// has infinity as its figure.
const enough = 5 * time.Second

// disband ends the crew in order, and says how many milliseconds it took until
// the supervisor and all below it were gone. It is gone then in any case, and is
// not waited for any more.
func (c *crew) disband() (float64, error) {
	fds, err := openAll(c.cmd.Process.Pid, 0)
	if err != nil {
		return 0, err
	}
	defer closeAll(fds)
	begin := time.Now()
	if err := c.cmd.Process.Signal(c.s.stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	left, err := awaitExits(fds, enough)
	if err != nil {
		return 0, err
	}
	var status *exec.ExitError // each has one of its own for a stop
	if err := c.waitFor(enough - time.Since(begin)); left > 0 || err != nil && !errors.As(err, &status) {
		return math.Inf(1), nil
	}
	return milliseconds(time.Since(begin)), nil
}
