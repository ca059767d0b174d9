package container

import (
	"fmt"
	"os"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/early"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"golang.org/x/sys/unix"
)

// initProcess is the first process of a container, which waits to be told what
// to do.
type initProcess struct {
	pid, pidfd int
	socket     *os.File // the parent's end
	described  bool     // it was told what to build
	untold     error    // why it could not be told
}

// describe tells it what to build, once.
func (p *initProcess) describe(s *Spec) error {
	if !p.described {
		if s.UserNS != nil {
			s.Stage.Become = !s.UserNS.Own()
			s.useFuse()
		}
		p.described, p.untold = true, send(p.socket, stage.SpecFrame(&s.Stage), nil)
	}
	return p.untold
}

// cloneInit starts one, with what can't be changed later: the command's
// descriptors, the namespaces, and whether it has a session of its own.
func cloneInit(stdio [3]*os.File, ns *UserNS, session bool) (*initProcess, error) {
	if err := noFolders(stdio); err != nil {
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
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("cannot prepare the container's descriptors: %w", err)
	}
	pidfd := -1
	// It leaves our process group before it is executed: Go's runtime would let
	// the terminal's INT end it until its own code runs (see linux.IgnoreAll).
	sys := &syscall.SysProcAttr{
		Cloneflags: stage.Namespaces, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd, Setsid: session, Setpgid: !session,
	}
	if ns != nil {
		ns.apply(sys)
	}
	pid, err := spawn(self(), stage.Argv0, []*os.File{stdio[0], stdio[1], stdio[2], theirs}, sys)
	if err != nil {
		ours.Close()
		return nil, cloneError(err, ns != nil)
	}
	return &initProcess{pid: pid, pidfd: pidfd, socket: ours}, nil
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
	sys.AmbientCaps = linux.AllCaps()
}

// Init is a container's first process that is cloned before the rest of the
// container is known: it takes as long until it can listen as a supervisor takes
// to find out what it is to run. Its methods are for one goroutine at a time.
type Init struct {
	process *initProcess
	err     error
}

// Ahead clones an Init for a container with these descriptors, user namespace and
// session (Spec.Stdio, UserNS, Stage.Session), and returns when it is executed,
// which takes some tenths of a millisecond. The start that takes it tells what
// went wrong.
func Ahead(stdio [3]*os.File, ns *UserNS, session bool) *Init {
	p, err := cloneInit(stdio, ns, session)
	return &Init{p, err}
}

// Early is an Init that was cloned before package main began (package early), with
// our stdin, our stdout twice, and a session of its own; nil if there is none for
// this kind of user namespace.
func Early(ns *UserNS) *Init {
	e := early.Take()
	if e == nil {
		return nil
	}
	nonblock := unix.SetNonblock(e.Socket, true) // for the runtime's poller
	i := &Init{process: &initProcess{pid: e.PID, pidfd: e.PidFD, socket: os.NewFile(uintptr(e.Socket), "stage")}}
	if nonblock != nil || e.UserNS != (ns != nil) {
		i.Close()
		return nil
	}
	return i
}

// Describe has it build what the container needs, while the caller does what is
// left to do before the start that takes it, which has to be that of spec and tells
// what went wrong.
func (i *Init) Describe(spec *Spec) {
	if i.process != nil {
		_ = i.process.describe(spec)
	}
}

// Close ends an Init that no container has taken, and does nothing to others. For
// one that hangs in the kernel, as in a volume of a server that does not answer, it
// waits no longer than a second.
func (i *Init) Close() {
	p, _ := i.take()
	if p == nil {
		return
	}
	p.socket.Close()
	linux.SignalPidfd(p.pidfd, unix.SIGKILL)
	ended := []linux.PollFd{{Fd: int32(p.pidfd), Events: linux.POLLIN}}
	n, _ := linux.Retry(func() (int, error) { return linux.Poll(ended, 1000) })
	unix.Close(p.pidfd)
	reap := func() { _, _ = linux.Retry(func() (int, error) { return syscall.Wait4(p.pid, nil, 0, nil) }) }
	if n > 0 {
		reap()
	} else {
		go reap()
	}
}

// take gives the process, or why there is none, to the first who asks, and
// neither to all others. There may be no Init.
func (i *Init) take() (*initProcess, error) {
	if i == nil {
		return nil, nil
	}
	p, err := i.process, i.err
	i.process, i.err = nil, nil
	return p, err
}

// clone starts the stage, unless it is there.
func (c *Container) clone() (*initProcess, error) {
	if c.wasKilled() {
		return nil, &linux.StepError{Step: "start the container", Detail: "it was told to end first"}
	}
	p, err := c.spec.Init.take()
	if p == nil && err == nil {
		p, err = cloneInit(c.spec.Stdio, c.spec.UserNS, c.spec.Stage.Session)
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.pid, c.pidfd = p.pid, p.pidfd
	killed := c.killed
	c.mu.Unlock()
	if killed {
		c.Kill()
	}
	return p, nil
}
