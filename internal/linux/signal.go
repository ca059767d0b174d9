package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// BlockAll blocks every signal on the calling thread and returns the mask that
// was in force. A process that this thread forks starts with the same mask; a
// Go runtime that starts with everything blocked keeps it on all its threads
// (but for the faults it needs), so that no signal ends it.
func BlockAll() (old uint64) {
	all := ^uint64(0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	return old
}

// SetMask sets the calling thread's signal mask.
func SetMask(mask uint64) {
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
}

// SignalFD gives a close-on-exec descriptor that is readable while one of the
// signals, which the caller has blocked, is pending (signalfd(2)).
func SignalFD(signals ...unix.Signal) (int, error) {
	var set unix.Sigset_t
	for _, s := range signals {
		set.Val[(s-1)/64] |= 1 << ((s - 1) % 64)
	}
	return unix.Signalfd(-1, &set, unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
}
