package linux

import (
	"syscall"
	"unsafe"
)

// PollFd is struct pollfd of poll(2).
type PollFd struct {
	Fd      int32
	Events  int16
	Revents int16
}

// Poll waits for one of fds for at most timeout milliseconds and gives how many
// have something to tell. It is ppoll(2), because not every architecture has
// poll(2).
func Poll(fds []PollFd, timeout int) (int, error) {
	limit := syscall.NsecToTimespec(int64(timeout) * 1e6)
	return descriptor(syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0))
}

// Prctl is prctl(2) with one argument, a number; it gives what the call returns.
func Prctl(option int, arg uintptr) (int, error) {
	return descriptor(syscall.RawSyscall6(syscall.SYS_PRCTL, uintptr(option), arg, 0, 0, 0, 0))
}

// CloseRange is close_range(2), Linux 5.9: it does to the descriptors from first
// to last what flags say.
func CloseRange(first, last uint, flags int) error {
	return failure(syscall.RawSyscall(sysCloseRange, uintptr(first), uintptr(last), uintptr(flags)))
}

// PidfdOpen is pidfd_open(2), Linux 5.3.
func PidfdOpen(pid int) (int, error) {
	return descriptor(syscall.RawSyscall(sysPidfdOpen, uintptr(pid), 0, 0))
}

// SetForeground makes a process group the foreground group of a terminal, as
// tcsetpgrp(3) does.
func SetForeground(tty, group int) error {
	id := int32(group)
	return failure(syscall.Syscall(syscall.SYS_IOCTL, uintptr(tty), syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&id))))
}

// PutUint32 writes the first 4 bytes of b, the lowest first.
func PutUint32(b []byte, v uint32) {
	for i := range 4 {
		b[i] = byte(v >> (8 * i))
	}
}

// DupFrom makes another descriptor of fd, close-on-exec and not below least. One above
// 63 may cost ten milliseconds: a table of descriptors that threads share grows only
// after a grace period of RCU.
func DupFrom(fd, least int) (int, error) {
	return descriptor(syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, uintptr(least)))
}
