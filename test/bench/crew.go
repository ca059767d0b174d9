package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// markVar is in the environment of every supervisor that may leave processes
// behind, and so in theirs. Its value is the workshop's folder.
const markVar = "LANYARD_BENCH_OF"

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
		defer func() { err = errors.Join(err, w.sweep()) }()
		c, err := w.assemble(s, dir, len(children))
		if err != nil {
			return nil, err
		}
		defer c.output.Close()
		if values, err = measure(c); err != nil {
			return nil, c.failed(err)
		}
		return values, nil
	}}
}

// assemble starts the supervisor and waits until its children are up.
func (w *workshop) assemble(s supervisor, dir string, n int) (*crew, error) {
	cmd, err := s.command(dir)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), markVar+"="+w.dir)
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
	fds, err := openAll(c.cmd.Process.Pid, 1)
	if err != nil {
		return 0, err
	}
	defer closeAll(fds)
	begin := time.Now()
	if err := c.cmd.Process.Signal(c.s.stop); err != nil {
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

// sweep kills what supervisors of this workshop have left. Parents are killed
// before their children, so that none is started again; it looks until there is
// nothing.
func (w *workshop) sweep() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		left, err := w.marked()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes don't die: %v", len(left), left)
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		}
	}
}

// marked are the processes that have markVar from this workshop, in the order of
// their start, which has parents first. Those that are dead and not waited for
// have no environment any more.
func (w *workshop) marked() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, _ := os.ReadFile("/proc/" + e.Name() + "/environ") // others' are not to be read
		if strings.Contains("\x00"+string(env), "\x00"+markVar+"="+w.dir+"\x00") {
			out = append(out, pid)
		}
	}
	return out, nil
}
