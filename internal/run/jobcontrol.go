package run

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// selfStop is the job control of a run without a terminal of its own: there is
// only lanyard itself to stop.
type selfStop struct{}

// Suspend stops lanyard. At a terminal that no shell watches nobody could
// continue it, so there a stop ends at once, as the kernel has it for programs
// that don't handle the signal (setpgid(2), orphaned process groups).
func (selfStop) Suspend() {
	if fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(fd)
		if orphaned() {
			_ = syscall.Kill(os.Getpid(), syscall.SIGCONT)
			return
		}
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

// Resume has nothing to take back.
func (selfStop) Resume() {}

// stopJob stops lanyard's process group by sig, and returns when it has been
// continued. The handler has to go for that, and Go's runtime does not take one
// away (signal.Reset leaves it in place). The shell then says how it stopped.
func stopJob(sig syscall.Signal) {
	if sig != syscall.SIGTSTP && sig != syscall.SIGTTIN && sig != syscall.SIGTTOU {
		_ = syscall.Kill(0, syscall.SIGSTOP)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// First the others, with lanyard ignoring it; then this thread, which has
	// stopped when the call returns.
	var old [4]uintptr // struct kernel_sigaction: handler, flags, restorer, mask
	sigaction(sig, &[4]uintptr{sigIgnore}, &old)
	_ = syscall.Kill(0, sig)
	sigaction(sig, &[4]uintptr{sigDefault}, nil)
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	sigaction(sig, &old, nil)
}

// Values of a sigaction's handler (sigaction(2)).
const (
	sigDefault = 0
	sigIgnore  = 1
)

func sigaction(sig syscall.Signal, to, old *[4]uintptr) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

// orphaned says whether nobody could continue lanyard's job: no process from
// lanyard up to the first outside the job is of this session (setpgid(2),
// credentials(7)).
func orphaned() bool {
	own, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	for pid := os.Getppid(); pid > 1; pid = parent(pid) {
		if sid, err := unix.Getsid(pid); err != nil || sid != own {
			return true
		}
		if group, err := unix.Getpgid(pid); err != nil || group != unix.Getpgrp() {
			return err != nil
		}
	}
	return true
}

func parent(pid int) int {
	n, _ := strconv.Atoi(string(bytes.TrimSpace(statusField(pid, "PPid:"))))
	return n
}

// inContainer says whether a process group may be one of the command's: its
// leader is in a pid namespace below ours, or is gone.
func inContainer(group int) bool {
	if group <= 0 {
		return false
	}
	levels := bytes.Fields(statusField(group, "NSpid:"))
	return len(levels) == 0 || len(levels) > len(bytes.Fields(statusField(os.Getpid(), "NSpid:")))
}

// statusField gives a line of /proc/PID/status (proc(5)) without its name.
func statusField(pid int, name string) []byte {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(data) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return value
		}
	}
	return nil
}
