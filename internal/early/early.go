// Package early clones the first process of a `lanyard supervise` from a package
// initialiser: it starts, on another processor, while this process still runs the
// initialisers of its libraries. What such a container's first process needs is
// known without reading anything: see package supervise, which takes it.
//
// Like the stage it runs before package os, and imports neither os nor fmt.
package early

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/stage"
)

// What is so for every container of supervise.
const (
	Verb      = "supervise"
	AgentName = "harpoon-supervisor" // the name under which lanyard takes the words of Verb directly
	CommandID = 1                    // the user and the group that a command runs as, the original's
)

// lowest is the least descriptor that Init has: whoever called us may have passed
// some, from 3 up.
const lowest = 32

// Init is a first process that waits to be told what to do (package stage): in
// namespaces of its own, in a session of its own, with this process's stdin, and
// with its stdout twice. The main thread cloned it, which lives as long as we do
// (prctl(2), PR_SET_PDEATHSIG).
type Init struct {
	PID, PidFD, Socket int
	UserNS             bool // it has a user namespace, in which CommandID is who called us
}

var cloned *Init

func init() {
	if supervises() {
		cloned = clone()
	}
}

// Take gives the Init to the first who asks; nil if there is none.
func Take() *Init {
	i := cloned
	cloned = nil
	return i
}

// End ends an Init that nobody has taken.
func End() {
	i := Take()
	if i == nil {
		return
	}
	linux.SignalPidfd(i.PidFD, syscall.SIGKILL)
	_, _ = linux.Retry(func() (int, error) { return syscall.Wait4(i.PID, nil, 0, nil) })
	syscall.Close(i.PidFD)
	syscall.Close(i.Socket)
}

// supervises says whether we were called as a supervisor of one container.
func supervises() bool {
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	var buf [512]byte // a longer path is none that would be worth it
	n, _ := syscall.Read(fd, buf[:])
	words := buf[:max(n, 0)]
	return string(lastPart(word(&words))) == AgentName || string(word(&words)) == Verb
}

// word takes the first of words, each of which a zero byte ends.
func word(words *[]byte) []byte {
	all := *words
	for i, c := range all {
		if c == 0 {
			*words = all[i+1:]
			return all[:i]
		}
	}
	*words = nil
	return nil
}

func lastPart(path []byte) []byte {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

// clone gives nil for whatever is not as usual: then package container does the
// same later, or says why it can't be.
func clone() *Init {
	if syscall.Getuid() != syscall.Geteuid() || syscall.Getgid() != syscall.Getegid() || !plainStdio() {
		return nil
	}
	privileged := linux.MachineRoot()
	if privileged && linux.WritableSelf() { // it has to be executed in another way, see package container
		return nil
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(pair[0])
	defer syscall.Close(pair[1])
	i := &Init{PidFD: -1, UserNS: !privileged}
	if i.Socket, err = linux.DupFrom(pair[0], lowest); err != nil {
		return nil
	}
	pidfd := -1
	sys := &syscall.SysProcAttr{Cloneflags: stage.Namespaces, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd, Setsid: true}
	if i.UserNS {
		sys.Cloneflags |= syscall.CLONE_NEWUSER
		sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: CommandID, HostID: syscall.Geteuid(), Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: CommandID, HostID: syscall.Getegid(), Size: 1}}
		sys.AmbientCaps = linux.AllCaps() // see package container
	}
	// What our caller left open is no business of the container's. (Linux 5.11)
	_ = linux.CloseRange(3, 1<<31-1, linux.CLOSE_RANGE_CLOEXEC)
	old := linux.BlockAll()
	i.PID, err = syscall.ForkExec("/proc/self/exe", []string{stage.Argv0}, &syscall.ProcAttr{
		Env: []string{}, Files: []uintptr{0, 1, 1, uintptr(pair[1])}, Sys: sys,
	})
	linux.SetMask(old)
	if err == nil {
		i.PidFD, err = linux.DupFrom(pidfd, lowest)
		syscall.Close(pidfd)
	}
	if err != nil {
		syscall.Close(i.Socket) // at whose end one that was cloned ends
		return nil
	}
	return i
}

// plainStdio says that stdin and stdout are there and no folders.
func plainStdio() bool {
	for fd := range 2 {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			return false
		}
	}
	return true
}
