package run

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// watch sees the terminal go away. The kernel's HUP goes to the foreground
// group, and lanyard is not in it while the command has the terminal. The end
// of the session's leader takes the terminal from the session too, whoever may
// still hold the other side of it (credentials(7)).
func (t *terminal) watch() {
	fds := []unix.PollFd{{Fd: int32(t.fd)}, {Fd: -1, Events: unix.POLLIN}}
	if sid, err := unix.Getsid(0); err == nil && sid > 0 && sid != syscall.Getpid() {
		leader, err := unix.PidfdOpen(sid, 0)
		if err == unix.ESRCH {
			t.gone()
			return
		}
		if err == nil {
			fds[1].Fd = int32(leader)
			defer unix.Close(leader)
		}
	}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err == nil {
			t.gone()
		}
		return
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
