package linux

import (
	"syscall"
	"unsafe"
)

// Process is a command to run as a child of the calling process. What Go's
// syscall.SysProcAttr cannot say (cgroups of v1, limits, the bounding set, a
// terminal's foreground without a race, which step failed) the child does
// itself between fork and exec.
type Process struct {
	Paths [][]byte // candidates for the program, each ended by NUL; the first that can be executed is
	Argv  []*byte  // argument vector, ended by nil
	Env   []*byte  // environment, ended by nil

	CgroupFDs   []int  // cgroup.procs or tasks files, opened for writing, that the child enters
	CgroupDir   int    // folder of that cgroup, on v2, to be cloned into instead where the kernel lets us; -1 for none
	NewCgroupNS bool   // a cgroup namespace of its own, after entering them
	TTY         int    // terminal whose foreground group the child's becomes; -1 for none
	NoFile      uint64 // RLIMIT_NOFILE, soft and hard; 0 leaves it
	Caps        uint64 // bounding set, and capabilities of a command that is root
	LastCap     int    // highest capability of this kernel
	SetGroups   bool   // set the supplementary groups to Groups
	Groups      []uint32
	UID, GID    uint32
	NoNewPrivs  bool
	Filter      []byte // a program for SECCOMP_SET_MODE_FILTER, as struct sock_filter; empty for none
	Ruleset     int    // a Landlock ruleset to be restricted by; -1 for none
	Ignore      uint64 // signals that stay ignored: bit n-1 for signal n
}

// The steps of a child between fork and exec, as it reports them.
const (
	stepCgroup = iota + 1
	stepCgroupNS
	stepGroup
	stepTTY
	stepNoFile
	stepBounding
	stepGroups
	stepGID
	stepUID
	stepCaps
	stepNoNewPrivs
	stepLandlock
	stepFilter
	stepExec
)

var stepNames = [...]string{
	stepCgroup:     "enter the cgroup",
	stepCgroupNS:   "unshare the cgroup namespace",
	stepGroup:      "make a process group",
	stepTTY:        "take the terminal's foreground",
	stepNoFile:     "limit open files",
	stepBounding:   "drop capabilities from the bounding set",
	stepGroups:     "set supplementary groups",
	stepGID:        "set the group id",
	stepUID:        "set the user id",
	stepCaps:       "drop capabilities",
	stepNoNewPrivs: "set no_new_privs",
	stepLandlock:   "restrict it with Landlock",
	stepFilter:     "install the filter of system calls",
	stepExec:       "execute",
}

// SlaveStep is the Step of the first mount of every container.
const SlaveStep = "make mounts slaves of the host's"

// ExecStep is the Step of an error that execve itself gave.
const ExecStep = "execute"

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// Start forks and executes p and returns the child's pid and a pidfd of it. The
// caller must have SIGTTOU blocked or ignored; the command gets an empty mask
// and default dispositions. Every descriptor from 3 up is closed in the command.
//
//go:norace
func (p *Process) Start() (child, pidfd int, fail *StepError) {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		return 0, -1, Fail("make a pipe", "", err)
	}
	pid, fd, errno := p.fork(uintptr(pipe[1]))
	syscall.Close(pipe[1])
	defer syscall.Close(pipe[0])
	if errno != 0 {
		return 0, -1, &StepError{Step: "fork", Errno: errno}
	}
	var report [3]uint32
	buf := (*[12]byte)(unsafe.Pointer(&report))[:]
	n, err := Retry(func() (int, error) { return syscall.Read(pipe[0], buf) })
	if err == nil && n == 0 {
		return int(pid), int(fd), nil // closed by the exec
	}
	syscall.Close(int(fd))
	_, _ = Retry(func() (int, error) { return syscall.Wait4(int(pid), nil, 0, nil) })
	if n != len(buf) || report[0] == 0 || int(report[0]) >= len(stepNames) {
		return 0, -1, &StepError{Step: "start the command", Detail: "the child died before it could execute anything"}
	}
	fail = &StepError{Step: stepNames[report[0]], Errno: syscall.Errno(report[1])}
	if i := int(report[2]); report[0] == stepExec && i < len(p.Paths) {
		fail.Path = string(p.Paths[i][:len(p.Paths[i])-1])
	}
	return 0, -1, fail
}

// fork clones the child and gives its pid and a pidfd. Without CLONE_VM the child
// has its own copy of this stack and heap: it may write to both. It must not
// grow the stack or allocate.
//
//go:norace
func (p *Process) fork(report uintptr) (pid uintptr, fd int32, errno syscall.Errno) {
	fd = -1
	into := cloneArgs{flags: syscall.CLONE_PIDFD | syscall.CLONE_INTO_CGROUP, exitSignal: uint64(syscall.SIGCHLD), cgroup: uint64(p.CgroupDir)}
	syscall.ForkLock.Lock()
	beforeFork()
	entered := false
	if p.CgroupDir >= 0 {
		into.pidfd = uint64(uintptr(unsafe.Pointer(&fd))) // only now: a call may move the stack
		pid, _, errno = syscall.RawSyscall(sysClone3, uintptr(unsafe.Pointer(&into)), unsafe.Sizeof(into), 0)
		entered = !mayNotCloneInto(errno)
	}
	if !entered {
		pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)|syscall.CLONE_PIDFD, 0, uintptr(unsafe.Pointer(&fd)), 0, 0, 0)
	}
	if errno == 0 && pid == 0 {
		afterForkInChild()
		p.child(report, entered)
	}
	afterFork()
	syscall.ForkLock.Unlock()
	return pid, fd, errno
}

// cloneArgs is struct clone_args, CLONE_ARGS_SIZE_VER2 (Linux 5.7).
type cloneArgs struct {
	flags, pidfd, _, _, exitSignal, _, _, _, _, _, cgroup uint64
}

// mayNotCloneInto says which errors leave the other way into a cgroup: no
// clone3 in the kernel or in a seccomp filter, no CLONE_INTO_CGROUP, or ids that
// may not write to the cgroup although its cgroup.procs was opened for them.
//
//go:nosplit
//go:norace
func mayNotCloneInto(errno syscall.Errno) bool {
	switch errno {
	case syscall.ENOSYS, syscall.EPERM, syscall.EACCES, syscall.E2BIG, syscall.EINVAL, syscall.EBADF:
		return true
	}
	return false
}

// child runs in the forked child and never returns: raw system calls only, no
// allocation, no growth of the stack.
//
//go:nosplit
//go:norace
//go:noinline
func (p *Process) child(report uintptr, entered bool) {
	var step, errno, which uintptr
	var e syscall.Errno
	zero := [1]byte{'0'}
	for _, fd := range p.CgroupFDs {
		if entered {
			break
		}
		_, _, e = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&zero)), 1)
		if e != 0 {
			step = stepCgroup
			goto fail
		}
	}
	if p.NewCgroupNS {
		if _, _, e = syscall.RawSyscall(syscall.SYS_UNSHARE, syscall.CLONE_NEWCGROUP, 0, 0); e != 0 {
			step = stepCgroupNS
			goto fail
		}
	}
	if _, _, e = syscall.RawSyscall(syscall.SYS_SETPGID, 0, 0, 0); e != 0 {
		step = stepGroup
		goto fail
	}
	if p.TTY >= 0 {
		pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
		group := int32(pid)
		// TTOU is blocked, so a background group may do this (tcsetpgrp(3)).
		if _, _, e = syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(p.TTY), syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&group))); e != 0 {
			step = stepTTY
			goto fail
		}
	}
	if p.NoFile > 0 {
		limit := [2]uint64{p.NoFile, p.NoFile}
		if _, _, e = syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); e != 0 {
			step = stepNoFile
			goto fail
		}
	}
	p.resetSignals()
	syscall.RawSyscall(sysCloseRange, 3, ^uintptr(0)>>33, CLOSE_RANGE_CLOEXEC)
	step, e = p.dropPrivileges()
	if e != 0 {
		goto fail
	}
	step, e = stepExec, syscall.ENOENT
	for i := range p.Paths {
		_, _, err := syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(&p.Paths[i][0])),
			uintptr(unsafe.Pointer(&p.Argv[0])), uintptr(unsafe.Pointer(&p.Env[0])))
		// As execvp(3): go on where there is nothing, remember what may not be executed.
		if err == syscall.ENOENT || err == syscall.ENOTDIR {
			continue
		}
		e, which = err, uintptr(i)
		if err != syscall.EACCES {
			break
		}
	}
fail:
	errno = uintptr(e)
	words := [3]uint32{uint32(step), uint32(errno), uint32(which)}
	syscall.RawSyscall(syscall.SYS_WRITE, report, uintptr(unsafe.Pointer(&words)), 12)
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

// resetSignals gives every signal its default disposition, but for those that
// stay ignored, and empties the mask.
//
//go:nosplit
//go:norace
func (p *Process) resetSignals() {
	var action [4]uintptr // struct kernel_sigaction: SIG_DFL is all zero
	for sig := uintptr(1); sig <= 64; sig++ {
		action[0] = 0
		if p.Ignore&(1<<(sig-1)) != 0 {
			action[0] = 1 // SIG_IGN
		}
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
	var empty uint64
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, SIG_SETMASK, uintptr(unsafe.Pointer(&empty)), 0, 8, 0, 0)
}
