package container

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"golang.org/x/sys/unix"
)

// link is the conversation with one stage, see stage/protocol.go.
type link struct {
	c       *Container
	group   *cgroup.Group // nil for none, and before it is made
	init    *initProcess
	started bool
	failed  bool
	exited  bool
	oom     bool  // the exit was told as one for want of memory
	lost    error // why the stage gave up after the command had started
}

// converse sends the spec and takes replies until the stage has closed its end.
func (l *link) converse() {
	if err := l.begin(); err != nil {
		l.fail(err, false)
		l.c.Kill()
		return
	}
	var in []byte
	buf := make([]byte, 4096)
	raw, err := l.init.socket.SyscallConn()
	if err != nil {
		return
	}
	for {
		n, err := l.read(raw, buf)
		in = append(in, buf[:n]...)
		for {
			reply, n, derr := stage.DecodeReply(in)
			if derr == nil && n == 0 {
				break
			}
			if derr == nil {
				derr = l.take(reply)
			}
			if derr != nil {
				l.distrust(derr)
				return
			}
			in = in[n:]
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// begin tells the stage what to build and does the rest of what has to be done
// before the command runs; then it gives the go-ahead.
func (l *link) begin() error {
	spec := l.c.spec
	if ns := spec.UserNS; ns != nil && !ns.Own() {
		if err := ns.Host.Write(l.c.pid, ns.UIDs, ns.GIDs); err != nil {
			return err
		}
	}
	err := l.init.describe(spec)
	if err == nil {
		l.group, err = l.c.makeCgroup()
	}
	if err == nil && spec.Before != nil {
		err = spec.Before()
	}
	if err != nil {
		return err
	}
	return l.goAhead()
}

// goAhead has the command run, and hands the stage the files of its cgroup.
func (l *link) goAhead() error {
	var files []*os.File
	var folder *os.File
	if l.group != nil {
		var err error
		if files, folder, err = l.group.Open(l.c.dying); err != nil {
			return fmt.Errorf("cannot open the container's cgroup: %w", err)
		}
	}
	message := stage.GoFrame(len(files), folder != nil)
	if folder != nil {
		files = append(files, folder)
	}
	var fds []int
	for _, f := range files {
		defer f.Close()
		fds = append(fds, int(f.Fd()))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	err := send(l.init.socket, message, rights)
	if err == nil {
		l.c.open(l.init.socket)
	}
	return err
}

// send sends a frame, and descriptors with its first byte. A stage that is gone is
// no error here: what is read from it next says so.
func send(socket *os.File, frame, rights []byte) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	for len(frame) > 0 {
		var n int
		gone := raw.Write(func(fd uintptr) bool {
			n, err = linux.Retry(func() (int, error) {
				return unix.SendmsgN(int(fd), frame, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			})
			return err != unix.EAGAIN
		})
		if err == unix.EPIPE || err == unix.ECONNRESET {
			return nil
		}
		if err = errors.Join(gone, err); err != nil {
			return linux.Fail("write to the container's init", "", err)
		}
		frame, rights = frame[n:], nil
	}
	return nil
}

// read takes bytes and, with them, the command's pidfd.
func (l *link) read(raw syscall.RawConn, buf []byte) (n int, err error) {
	oob := make([]byte, unix.CmsgSpace(4))
	var oobn int
	rerr := raw.Read(func(fd uintptr) bool {
		n, oobn, _, _, err = unix.Recvmsg(int(fd), buf, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if err == nil {
		err = rerr
	}
	if err != nil {
		return 0, err
	}
	messages, perr := unix.ParseSocketControlMessage(oob[:oobn])
	if perr != nil {
		return n, nil
	}
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			l.c.takePidfd(fd)
		}
	}
	return n, nil
}

// takePidfd keeps the first descriptor that the stage sends, which it does
// before the command can have touched it. A signal through something that is
// no pidfd fails with EBADF (pidfd_send_signal(2)).
func (c *Container) takePidfd(fd int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command >= 0 || c.pidfd < 0 {
		unix.Close(fd)
		return
	}
	c.command = fd
}

// open lets messages through, those that waited first.
func (c *Container) open(socket *os.File) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.socket = int(fd)
		for _, data := range c.queued {
			c.transmit(data)
		}
		c.queued = nil
	})
}

// take acts on a reply. The stage is believed only as long as it keeps the
// order of the protocol.
func (l *link) take(r stage.Reply) error {
	switch {
	case r.Kind == stage.Started && !l.started && !l.failed:
		l.started = true
		l.c.notify(Event{Kind: Started, PID: l.c.pid})
	case r.Kind == stage.Failed && !l.failed && !l.exited:
		l.fail(l.c.explained(r.Err), false)
		l.c.seeOff()
	case r.Kind == stage.Stopped && l.started && !l.exited:
		l.c.notify(Event{Kind: Stopped, Status: r.Status})
	case r.Kind == stage.Exited && l.started && !l.exited && !l.failed:
		l.exited = true
		e := Event{Kind: Exited, Status: r.Status}
		l.c.countOOM(&e, l.group)
		l.oom = e.OOM
		l.c.notify(e)
		l.c.seeOff()
	default:
		return stage.ErrProtocol
	}
	return nil
}

// distrust ends a container whose stage does not keep to the protocol.
func (l *link) distrust(err error) {
	l.c.Kill()
	if !l.failed {
		l.fail(&linux.StepError{Step: "internal error: read from the container's init", Detail: err.Error()}, true)
	}
}

// fail takes the end of a stage that could not go on. Once the command runs
// that is no failed start any more: the container's Gone tells it.
func (l *link) fail(err error, bug bool) {
	l.failed = true
	if l.started {
		l.lost = err
		return
	}
	l.c.notify(Event{Kind: Failed, Err: err, Bug: bug})
}
