package container

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/stage"
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
	group, err := c.makeCgroup()
	if err != nil {
		c.notify(Event{Kind: Failed, Err: err})
		c.notify(Event{Kind: Gone, NoOOM: true})
		return
	}
	parent, err := c.clone(group)
	if err != nil {
		c.removeCgroup(group)
		c.notify(Event{Kind: Failed, Err: err})
		c.notify(Event{Kind: Gone, NoOOM: true})
		return
	}
	link := &link{c: c, group: group, socket: parent}
	link.converse()
	status, cpu := c.reap()
	parent.Close()
	gone := Event{Kind: Gone, Status: status, CPU: cpu, Err: link.lost, Bug: link.lost != nil}
	c.countOOM(&gone, group)
	gone.OOM = gone.OOM || link.oom
	c.removeCgroup(group)
	if !link.started && !link.failed {
		c.notify(Event{Kind: Failed, Bug: !c.wasKilled(), Err: &linux.StepError{
			Step: "start the container", Detail: "its init died early: " + describe(status)}})
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
// some other process's is none of the kernel's.
func (c *Container) countOOM(e *Event, group *cgroup.Group) {
	if e.NoOOM = group == nil || !group.CountsOOM(); e.NoOOM {
		return
	}
	fresh, recent := group.TakeOOM()
	e.OOMs, e.OOM = fresh, fresh > 0 || recent && !c.wasKilled()
}

// namespaces of every container besides a user namespace; the cgroup namespace
// is the command's own, made after it has entered its cgroup.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// clone starts the stage and gives the parent's end of its socket.
func (c *Container) clone(group *cgroup.Group) (*os.File, error) {
	if err := noFolders(c.spec.Stdio); err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, linux.Fail("make a socket pair", "", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "stage")
	defer theirs.Close()
	// Only our end is non-blocking: it is read through the runtime's poller.
	err = unix.SetNonblock(pair[0], true)
	ours := os.NewFile(uintptr(pair[0]), "stage")
	files := []*os.File{c.spec.Stdio[0], c.spec.Stdio[1], c.spec.Stdio[2], theirs}
	if err == nil && group != nil {
		var cgroupFiles []*os.File
		var folder *os.File
		cgroupFiles, folder, err = group.Open()
		c.spec.Stage.CgroupFDs, c.spec.Stage.CgroupDir = len(cgroupFiles), folder != nil
		if folder != nil {
			cgroupFiles = append(cgroupFiles, folder)
		}
		for _, f := range cgroupFiles {
			defer f.Close()
		}
		files = append(files, cgroupFiles...)
	}
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("cannot prepare the container's descriptors: %w", err)
	}
	pidfd := -1
	// It leaves our process group before it is executed: Go's runtime would let
	// the terminal's INT end it until its own code runs (see linux.IgnoreAll).
	sys := &syscall.SysProcAttr{
		Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd,
		Setsid: c.spec.Stage.Session, Setpgid: !c.spec.Stage.Session,
	}
	if c.spec.UserNS != nil {
		c.spec.UserNS.apply(sys)
		c.spec.Stage.Become = !c.spec.UserNS.Own()
		c.spec.useFuse()
	}
	if c.wasKilled() {
		ours.Close()
		return nil, &linux.StepError{Step: "start the container", Detail: "it was told to end first"}
	}
	pid, err := spawn(stage.Argv0, files, sys)
	if err != nil {
		ours.Close()
		return nil, cloneError(err, c.spec.UserNS != nil)
	}
	c.mu.Lock()
	c.pid, c.pidfd = pid, pidfd
	killed := c.killed
	c.mu.Unlock()
	if killed {
		c.Kill()
	}
	return ours, nil
}

// apply asks for a user namespace. Every capability is made ambient, so that the
// stage keeps them although it is not root there, or nobody yet
// (capabilities(7)).
func (u *UserNS) apply(sys *syscall.SysProcAttr) {
	sys.Cloneflags |= unix.CLONE_NEWUSER
	if u.Own() {
		sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(u.UIDs[0].Inside), HostID: os.Geteuid(), Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(u.GIDs[0].Inside), HostID: os.Getegid(), Size: 1}}
	}
	for c := 0; c <= linux.LastCap(); c++ {
		sys.AmbientCaps = append(sys.AmbientCaps, uintptr(c))
	}
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
