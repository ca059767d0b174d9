package linux

import (
	"syscall"
	"unsafe"
)

// AbstractScope makes a Landlock ruleset for Process.Ruleset: who is restricted by
// it reaches no abstract unix socket (unix(7)) of a process that is not. Those are
// names of a network namespace, which containers may share with the host. It is -1
// where the kernel has none: before Linux 6.12, or with Landlock switched off.
func AbstractScope() int {
	attr := struct{ fs, net, scoped uint64 }{scoped: LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET}
	fd, err := descriptor(syscall.RawSyscall(sysLandlockCreateRuleset, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0))
	if err != nil {
		return -1
	}
	return fd
}
