package container

import (
	"math"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// Every stage is cloned by one thread that lives as long as the process: the
// kernel sends a parent-death signal when the *thread* that forked ends
// (prctl(2), golang/go#27505). It has all signals blocked, and so have the
// stages from their first instruction.

type spawnRequest struct {
	program string
	argv    []string
	attr    *syscall.ProcAttr
	reply   chan<- spawnReply
}

type spawnReply struct {
	pid int
	err error
}

var spawnRequests = sync.OnceValue(func() chan<- spawnRequest {
	requests := make(chan spawnRequest)
	// What our caller left open is no business of stages and janitors, which
	// would hold it open. Ours is close-on-exec anyway. (Linux 5.11)
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	go func() {
		runtime.LockOSThread()
		linux.BlockAll()
		for r := range requests {
			pid, err := syscall.ForkExec(r.program, r.argv, r.attr)
			r.reply <- spawnReply{pid, err}
		}
	}()
	return requests
})

// self is the path that this program is executed by again. A command that has our
// program run in its container, as the interpreter of a script of its own, gets
// hold of the program's file; as root it could overwrite it (CVE-2019-5736). The
// kernel refuses that (ETXTBSY) as long as we run, which is longer than any
// container. Linux 6.11 to 6.12.1 do not: there the file is executed through a
// mount of its own that is read-only, whose end costs some milliseconds.
var self = sync.OnceValue(func() string {
	const own = "/proc/self/exe"
	if !Privileged() {
		return own // the container can't write what its user can't
	}
	if !linux.WritableSelf() {
		return own
	}
	return sealed(own)
})

func sealed(program string) string {
	fd, err := unix.OpenTree(unix.AT_FDCWD, program, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return program
	}
	defer unix.Close(fd)
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return program
	}
	path, _, err := executable(fd)
	if err != nil {
		return program
	}
	return path
}

// executable makes a second descriptor of a program, out of the way of those that
// a child gets, from 0 up, and gives the path to execute it by.
func executable(fd int) (path string, high int, err error) {
	high, err = linux.DupFrom(fd, 48)
	return "/proc/self/fd/" + strconv.Itoa(high), high, err
}

// spawn executes a program, self's or one that takes its place, under another
// argv[0], with no environment and the given descriptors from 0 up.
func spawn(program, argv0 string, files []*os.File, sys *syscall.SysProcAttr) (pid int, err error) {
	attr := &syscall.ProcAttr{Env: []string{}, Sys: sys}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	reply := make(chan spawnReply, 1)
	spawnRequests() <- spawnRequest{program, []string{argv0}, attr, reply}
	r := <-reply
	runtime.KeepAlive(files)
	return r.pid, r.err
}
