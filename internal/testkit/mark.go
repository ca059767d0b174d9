package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var (
	limitMarks atomic.Uint64
	limitMutex sync.Mutex // the mark is a property of the whole process that forks
)

// StartMarked starts a process with a resource limit of a value that no other
// process has, and gives the value: it survives fork, exec and every change of
// credentials, see Marked. The limit is RLIMIT_RTTIME, which counts for
// real-time processes only (setrlimit(2)), and is years.
func StartMarked(cmd *exec.Cmd) (uint64, error) {
	limitMutex.Lock()
	defer limitMutex.Unlock()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &old); err != nil {
		return 0, err
	}
	mark := 1_000_000_000_000_000 + uint64(os.Getpid())*1_000_000 + limitMarks.Add(1)
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: mark, Max: old.Max}); err != nil {
		return 0, err
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_RTTIME, &old) }()
	return mark, cmd.Start()
}

// Marked gives the processes that carry a mark of StartMarked, zombies too.
func Marked(mark uint64) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && carries(pid, mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// carries looks at one process. A test looks at all of them again and again, so
// that is one call where it is allowed; everybody may read the file
// (proc_pid_limits(5)).
func carries(pid int, mark uint64) bool {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_RTTIME, nil, &limit); err != unix.EPERM {
		return err == nil && limit.Cur == mark
	}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	_, line, found := strings.Cut(string(data), "Max realtime timeout")
	fields := strings.Fields(line)
	return found && len(fields) > 0 && fields[0] == strconv.FormatUint(mark, 10)
}
