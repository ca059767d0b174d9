package run

import (
	"os/signal"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/container"
	"golang.org/x/sys/unix"
)

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// terminal is the caller's terminal while a single command has it, and the job
// control that goes with it: the command's group is the foreground group, so
// that the terminal's keys reach the command and not lanyard.
type terminal struct {
	fd      int
	engine  *engine
	saved   unix.Termios  // as it was before the command
	command *unix.Termios // as the command had it when it was stopped
	fore    bool          // the command was given the foreground
	hangup  chan struct{}
	once    sync.Once
}

// openTerminal gives a single command the controlling terminal, if one of the
// standard descriptors is it; else nil.
func openTerminal(spec *container.Spec, e *engine) *terminal {
	for _, fd := range []int{0, 2, 1} {
		group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP) // ENOTTY if it is another session's
		if err != nil {
			continue
		}
		saved, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			continue
		}
		t := &terminal{fd: fd, engine: e, saved: *saved, hangup: make(chan struct{})}
		t.fore = group == unix.Getpgrp()
		spec.Stage.TTY, spec.Stage.Foreground, spec.Stage.JobControl = fd, t.fore, true
		spec.Stage.Root.Console = fd
		spec.Stage.Ignore = ignored()
		// lanyard is in the background while the command runs, and has to
		// touch the terminal all the same (tcsetpgrp(3)).
		signal.Ignore(syscall.SIGTTOU)
		go t.watch()
		return t
	}
	return nil
}

// ignored are the signals that stay ignored in a command that was started with
// nohup or in the background of a script.
func ignored() (mask uint64) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			mask |= 1 << (sig - 1)
		}
	}
	return mask
}

// watch sees the terminal go away: its foreground group gets a HUP then, and
// lanyard is not in it.
func (t *terminal) watch() {
	fds := []unix.PollFd{{Fd: int32(t.fd)}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err == nil && fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
			t.once.Do(func() { close(t.hangup) })
		}
		return
	}
}

// Suspend follows the command into a stop: the terminal goes back as it was,
// and lanyard's whole job stops, as it would have if the key had reached it.
func (t *terminal) Suspend() {
	t.command, _ = unix.IoctlGetTermios(t.fd, unix.TCGETS)
	t.giveBack()
	_ = syscall.Kill(0, syscall.SIGSTOP)
}

// Resume hands the terminal to the command again, if the shell has put lanyard
// into the foreground.
func (t *terminal) Resume() {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return
	}
	if t.command != nil {
		_ = unix.IoctlSetTermios(t.fd, unix.TCSETSW, t.command)
	}
	t.fore = true
	t.engine.mu.Lock()
	defer t.engine.mu.Unlock()
	if t.engine.last != nil {
		t.engine.last.Foreground()
	}
}

// giveBack puts the terminal as it was, if it is still ours to give: a shell
// that has taken the foreground itself must not lose it.
func (t *terminal) giveBack() {
	if !t.fore {
		return
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return
	}
	own := unix.Getpgrp()
	if group != own {
		// The foreground group is the command's, or one of its jobs', or of
		// nobody any more: a shell takes it only after we have stopped.
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, own)
	}
	_ = unix.IoctlSetTermios(t.fd, unix.TCSETSW, &t.saved)
	t.fore = false
}

func (t *terminal) restore() {
	t.giveBack()
	signal.Reset(syscall.SIGTTOU)
}
