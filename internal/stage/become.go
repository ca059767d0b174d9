package stage

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// become makes the stage root of its user namespace, in which it was nobody
// while nothing was mapped. Only this thread, the main one: no other does
// anything that ids count for, and the runtime's way to reach all of them is a
// signal, which is ignored here.
func (s *server) become() {
	if !s.spec.Become {
		return
	}
	for _, call := range [...]uintptr{syscall.SYS_SETRESGID, syscall.SYS_SETGROUPS, syscall.SYS_SETRESUID} {
		if call == syscall.SYS_SETGROUPS && !s.spec.SetGroups {
			continue
		}
		if _, _, errno := syscall.RawSyscall(call, 0, 0, 0); errno != 0 {
			s.fail(linux.Fail("become root of the user namespace", "", errno))
		}
	}
	// A change of credentials clears it (prctl(2)).
	if _, err := linux.Prctl(syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL)); err != nil {
		s.fail(linux.Fail("tie the container to its supervisor", "", err))
	}
	if s.orphaned() {
		exit(0)
	}
}

// ownKeyring leaves the caller's session keyring (session-keyring(7)), which the
// command would inherit. This is the thread that forks. EPERM is a filter around
// us, which holds for the command too; ENOSYS a kernel without keys.
func (s *server) ownKeyring() {
	if !s.spec.OwnKeyring {
		return
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_KEYCTL, linux.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	if errno != 0 && errno != syscall.EPERM && errno != syscall.ENOSYS {
		s.fail(linux.Fail("make a session keyring", "", errno))
	}
}

// ownStdio lets the command's user open /dev/stdout again: the parent can't
// give its pipes to an id that is only mapped here.
func (s *server) ownStdio() {
	if !s.spec.OwnStdio {
		return
	}
	for fd := 1; fd <= 2; fd++ {
		if err := syscall.Fchown(fd, int(s.spec.UID), int(s.spec.GID)); err != nil {
			s.fail(linux.Fail("give the command its output pipes", "", err))
		}
	}
}
