package container

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// Engine starts the containers of one run.
type Engine struct {
	run *Run
}

// NewEngine makes an engine. Close must be called when every container is gone.
func NewEngine(run *Run) *Engine { return &Engine{run: run} }

// Start starts a container and returns at once; notify is told what happens,
// from one goroutine.
func (e *Engine) Start(spec *Spec, notify func(Event)) *Container {
	c := &Container{spec: spec, engine: e, notify: notify, pidfd: -1, command: -1, socket: -1}
	go c.life()
	return c
}

// life is the whole life of a container, from the first system call to the
// reaping.
func (c *Container) life() {
	if !c.spec.Limits.Empty() {
		// An ordinary user's process may have to join a scope that is made now, and
		// with it what it has cloned by then could not enter its cgroup.
		_, _ = c.engine.run.Base()
	}
	init, err := c.clone()
	if err != nil {
		c.notify(Event{Kind: Failed, Err: err})
		c.notify(Event{Kind: Gone, NoOOM: true})
		return
	}
	link := &link{c: c, init: init}
	link.converse()
	status, cpu := c.reap()
	init.socket.Close()
	gone := Event{Kind: Gone, Status: status, CPU: cpu, Err: link.lost, Bug: link.lost != nil}
	c.countOOM(&gone, link.group)
	gone.OOM = gone.OOM || link.oom
	c.removeCgroup(link.group)
	if !link.started && !link.failed {
		c.notify(c.diedEarly(status))
	}
	c.notify(gone)
}

func (c *Container) wasKilled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killed
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("killed by signal %d (%s)", int(status.Signal()), unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

func (c *Container) makeCgroup() (*cgroup.Group, error) {
	if c.spec.Cgroup != nil {
		return c.spec.Cgroup, nil
	}
	limits := c.spec.Limits
	for !limits.Empty() {
		group, err := c.tryCgroup(limits)
		var unsupported *cgroup.UnsupportedError
		if !c.spec.BestEffort || !errors.As(err, &unsupported) {
			return group, err
		}
		c.notify(Event{Kind: Warned, Err: fmt.Errorf("it runs without its limits on %s: %s", unsupported.Limit, unsupported.Why)})
		limits = limits.Without(unsupported)
	}
	return nil, nil
}

func (c *Container) tryCgroup(limits cgroup.Limits) (*cgroup.Group, error) {
	base, err := c.engine.run.Base()
	if err != nil {
		return nil, limits.Refused(err)
	}
	group, err := cgroup.Plan(base, c.engine.run.cgroupName(c.spec.Name), limits)
	if err != nil {
		return nil, err
	}
	if err := c.engine.run.Note(CgroupEntries(group)...); err != nil {
		return nil, limits.Refused(unnoted(err))
	}
	if err := group.Create(); err != nil {
		return nil, err
	}
	return group, nil
}

func (c *Container) removeCgroup(group *cgroup.Group) {
	if group != nil && group != c.spec.Cgroup {
		_ = group.Remove() // what stays is in the journal, for the janitor
	}
}

// countOOM reads what the kernel counted. A KILL of ours that comes soon after
// some other process's is none of the kernel's; one that comes while the command is
// on its way out already changes nothing.
func (c *Container) countOOM(e *Event, group *cgroup.Group) {
	if e.NoOOM = group == nil || !group.CountsOOM(); e.NoOOM {
		return
	}
	fresh, recent, fatal := group.TakeOOM()
	e.OOMs, e.OOM = fresh, fresh > 0 || fatal || recent && !c.wasKilled()
}

// reap waits until the stage is a zombie, which means that every process of
// the container is gone (pid_namespaces(7)), and takes it. cpu is the CPU time
// of the stage and its children, see Event.
func (c *Container) reap() (status syscall.WaitStatus, cpu time.Duration) {
	c.mu.Lock()
	pidfd, pid := c.pidfd, c.pid
	c.mu.Unlock()
	waitReadable(pidfd)
	var usage syscall.Rusage
	for {
		_, err := syscall.Wait4(pid, &status, 0, &usage)
		if err != syscall.EINTR {
			break
		}
	}
	c.mu.Lock()
	command := c.command
	c.pidfd, c.command, c.socket = -1, -1, -1
	if c.overdue != nil {
		c.overdue.Stop()
	}
	c.mu.Unlock()
	unix.Close(pidfd)
	if command >= 0 {
		unix.Close(command)
	}
	return status, time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// waitReadable parks the goroutine until the process that pidfd names has
// ended (pidfd_open(2)), without a thread of its own.
func waitReadable(pidfd int) {
	dup, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return // Wait4 blocks instead
	}
	if err := unix.SetNonblock(dup, true); err != nil {
		unix.Close(dup)
		return
	}
	f := os.NewFile(uintptr(dup), "pidfd")
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := linux.Retry(func() (int, error) { return unix.Poll(fds, 0) })
		return n > 0 || err != nil
	})
}
