package container

import (
	"math"
	"os"
	"runtime"
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
	argv  []string
	attr  *syscall.ProcAttr
	reply chan<- spawnReply
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
			pid, err := syscall.ForkExec("/proc/self/exe", r.argv, r.attr)
			r.reply <- spawnReply{pid, err}
		}
	}()
	return requests
})

// spawn executes this program again under another argv[0], with no environment
// and the given descriptors from 0 up.
func spawn(argv0 string, files []*os.File, sys *syscall.SysProcAttr) (pid int, err error) {
	attr := &syscall.ProcAttr{Env: []string{}, Sys: sys}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	reply := make(chan spawnReply, 1)
	spawnRequests() <- spawnRequest{[]string{argv0}, attr, reply}
	r := <-reply
	runtime.KeepAlive(files)
	return r.pid, r.err
}
