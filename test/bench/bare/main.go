// Bare starts a command in a container with as little as possible around it:
// the floor that Lanyard's own start is compared with.
//
//	bare ROOTFS CMD [ARG...]
//
// It makes the same namespaces and mounts as Lanyard's default rootfs:
// container, with the current directory as /work, and executes CMD (an
// absolute path) as PID 1. There is no protocol, no supervision and no limit.
// It prints nothing; its status is the command's, 128+n when signal n killed
// it, and 121 when the container could not be made (BARE_DEBUG names a file
// that gets the reason).
//
// Every import is paid twice at each start, so there are hardly any.
package main

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// argv[0] of the half that runs inside the namespaces, without and with a user
// namespace.
const (
	childName     = "bare-child"
	childUserName = "bare-child-user"
)

// statusFailed is the status of a container that could not be made.
const statusFailed = 121

// init keeps the main goroutine on the main thread: the parent-death signal
// and the capabilities belong to a thread, not to the process.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 3 {
		os.Exit(statusFailed)
	}
	rootfs, argv := os.Args[1], os.Args[2:]
	if name := os.Args[0]; name == childName || name == childUserName {
		if err := enter(rootfs, name == childUserName); err != nil {
			fail(err)
		}
		fail(unix.Exec(argv[0], argv, environment()))
	}
	os.Exit(parent())
}

// parent clones itself into the new namespaces and waits for it.
func parent() int {
	name := childName
	if os.Geteuid() != 0 {
		name = childUserName
	}
	argv := append([]string{name}, os.Args[1:]...)
	pid, err := syscall.ForkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   namespaces(),
	})
	if err != nil {
		return statusFailed
	}
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err == nil {
			break
		}
		if err != syscall.EINTR {
			return statusFailed
		}
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// namespaces says what to clone: all that a child's container has of its own,
// and a user namespace with the caller as its root for an ordinary user.
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC |
			syscall.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		Pdeathsig: syscall.SIGKILL,
	}
	if uid := os.Geteuid(); uid != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// environment is what a command gets when its project file says nothing.
func environment() []string {
	term := os.Getenv("TERM")
	if term == "" {
		term = "dumb"
	}
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"TERM=" + term,
	}
}

// fail leaves with statusFailed and writes the reason where BARE_DEBUG says:
// standard error belongs to the command.
func fail(err error) {
	if name := os.Getenv("BARE_DEBUG"); name != "" {
		_ = os.WriteFile(name, []byte(err.Error()+"\n"), 0o600)
	}
	os.Exit(statusFailed)
}
