package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// serviceAgent is the container of the rows about lanyard supervise: limits, as
// agents in the field ask for them, and a policy.
const serviceAgent = `{"env": {"PATH": "/"}, "restart": "always",
 "resources": {"mem": 64, "cpu": 1, "fd": 1000}, "storage": {"tmp": {"/tmp": -1}}}
`

// holdAll blocks TERM and stays until it is killed.
var holdAll = []string{probePath, "mp"}

// service is a running lanyard supervise with a client of it.
type service struct {
	*running
	dir    string
	client *client.Conn
	first  client.State  // its first state
	took   time.Duration // from the spawn to that state
}

// supervise starts lanyard supervise and waits for the first state.
func (w *workshop) supervise() (*service, error) {
	if w.lanyard == "" {
		return nil, errors.New("the lanyard binary is not there; build it, or name it with -lanyard")
	}
	dir := filepath.Join(w.dir, "service")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Symlink(w.rootfs, filepath.Join(dir, "rootfs")); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.json"), []byte(serviceAgent), 0o644); err != nil {
		return nil, err
	}
	w.runs++
	id := fmt.Sprintf("lanyard-bench-%d-%d", os.Getpid(), w.runs)
	cmd := exec.Command(w.lanyard, append([]string{"supervise", "--hostname", "bench", "--ID", id, "--"}, holdAll...)...)
	begin := time.Now()
	r, err := w.runIn(dir, cmd)
	if err != nil {
		return nil, err
	}
	s := &service{running: r, dir: dir}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for s.client == nil {
		s.client, err = client.Dial(ctx, dir)
		if err != nil && (!errors.Is(err, client.ErrNotRunning) || r.over()) {
			return nil, r.failed(err)
		}
		if err != nil {
			time.Sleep(100 * time.Microsecond)
		}
	}
	if s.first, err = s.client.Next(); err != nil {
		return nil, r.failed(err)
	}
	s.took = time.Since(begin)
	if !s.first.Up {
		return nil, r.failed(fmt.Errorf("its first state is %+v", s.first))
	}
	return s, nil
}

// until reads states until one is as wanted.
func until(c *client.Conn, wanted func(client.State) bool) error {
	for {
		s, err := c.Next()
		if err != nil {
			return err
		}
		if wanted(s) {
			return nil
		}
	}
}

func down(s client.State) bool { return !s.Up }

// end kills the container, if it is up, and ends the supervisor.
func (s *service) end() error {
	defer s.client.Close()
	if err := s.client.Kill(); err != nil {
		return s.failed(err)
	}
	if err := until(s.client, down); err != nil {
		return s.failed(err)
	}
	if err := s.client.Exit(); err != nil {
		return s.failed(err)
	}
	if err := until(s.client, func(client.State) bool { return false }); !errors.Is(err, io.EOF) {
		return s.failed(err)
	}
	if err := s.waitFor(patience); err != nil {
		return s.failed(err)
	}
	return nil
}

// ours are the processes of a service that are lanyard's own: the supervisor,
// the stage and the janitor, but not the command, which is the stage's child.
func (s *service) ours() ([]int, error) {
	all, err := descendants(s.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	pids := []int{s.cmd.Process.Pid}
	for _, p := range all {
		if p.parent == s.cmd.Process.Pid {
			pids = append(pids, p.pid)
		}
	}
	if len(pids) != 3 || len(all) != 3 {
		return nil, fmt.Errorf("%d processes below the supervisor, %d of them its own: want 3 and 2", len(all), len(pids)-1)
	}
	return pids, nil
}

// raiseFiles lets this process open as many files as it may.
func raiseFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
