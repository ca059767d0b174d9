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
