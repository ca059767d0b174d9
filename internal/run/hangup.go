package run

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// watch sees the terminal go away, unless lanyard was started to survive that
// (nohup(1)). The kernel's HUP goes to the foreground group, and lanyard is not
// in it while the command has the terminal. The end of the session's leader
// takes the terminal from the session too, whoever may still hold the other
// side of it (credentials(7)).
func (t *terminal) watch() (end func()) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil || startedIgnored(syscall.SIGHUP) {
		return func() { unix.Close(wake) }
	}
	leader := -1
	if sid, err := unix.Getsid(0); err == nil && sid > 0 && sid != syscall.Getpid() {
		leader, err = unix.PidfdOpen(sid, 0)
		if err == unix.ESRCH {
			t.gone()
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Of the terminal only POLLHUP and POLLERR are waited for, which
		// poll(2) always reports; a negative descriptor is left out.
		fds := []unix.PollFd{{Fd: int32(t.fd)}, {Fd: int32(leader), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		for err == unix.EINTR {
			_, err = unix.Poll(fds, -1)
		}
		if err == nil && fds[2].Revents == 0 {
			t.gone()
		}
	}()
	return func() {
		_, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-ended
		unix.Close(wake)
		if leader >= 0 {
			unix.Close(leader)
		}
	}
}

// ignored are the signals that stay ignored in a command that was started with
// nohup or in the background of a script, as bits n-1 for signal n.
func ignored() (mask uint64) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if startedIgnored(sig) {
			mask |= 1 << (sig - 1)
		}
	}
	return mask
}
