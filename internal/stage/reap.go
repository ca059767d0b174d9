package stage

import (
	"syscall"
	"time"
	"unsafe"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// siginfo of waitid(2), as far as it is used.
type childInfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	status                int32
	_                     [100]byte
}

// reap takes every child that ends: the orphans that the kernel gives to PID 1,
// and last the command. That one stays a zombie, so that its pid means nothing
// else as long as a signal can still be sent to it.
func (s *server) reap() {
	const options = syscall.WEXITED | syscall.WSTOPPED | syscall.WNOWAIT
	for {
		var info childInfo
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, linux.P_ALL, 0, uintptr(unsafe.Pointer(&info)), options, 0, 0)
		if errno == syscall.ECHILD {
			exit(1) // cannot be: the command is always there to be waited for
		}
		if errno != 0 {
			continue
		}
		s.take(&info)
	}
}

// take acts on what waitid(2) told, which took nothing yet.
func (s *server) take(info *childInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(info.pid) != s.command {
		_, _ = syscall.Wait4(int(info.pid), nil, syscall.WNOHANG|syscall.WUNTRACED, nil)
		return
	}
	if waitStatus(info).Stopped() {
		// Not with wait4(2), which would take its end as well, if it was killed meanwhile.
		var stop childInfo
		const options = syscall.WSTOPPED | syscall.WNOHANG
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, linux.P_PID, uintptr(s.command), uintptr(unsafe.Pointer(&stop)), options, 0, 0)
		if errno == 0 && stop.pid != 0 && s.spec.JobControl {
			s.send(statusFrame(frameStopped, waitStatus(&stop)))
		}
	} else {
		status := waitStatus(info)
		s.send(statusFrame(frameExited, status))
		if s.spec.Siblings {
			time.Sleep(lastBreath)
		}
		exit(0)
	}
}

// lastBreath is how long a child of a large group waits before the kernel takes its
// container apart: about 1 ms of a processor, which its siblings need first to
// get their TERM (docs/adr/0012).
const lastBreath = 3 * time.Millisecond

// The si_code values of a SIGCHLD (sigaction(2)).
const (
	cldExited  = 1
	cldDumped  = 3
	cldTrapped = 4
	cldStopped = 5
)

// waitStatus puts what waitid(2) tells into the form of wait(2).
func waitStatus(info *childInfo) syscall.WaitStatus {
	switch info.code {
	case cldExited:
		return syscall.WaitStatus(info.status&0xff) << 8
	case cldStopped, cldTrapped:
		return syscall.WaitStatus(info.status)<<8 | 0x7f
	case cldDumped:
		return syscall.WaitStatus(info.status) | 0x80
	}
	return syscall.WaitStatus(info.status)
}
