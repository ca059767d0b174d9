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
	mark, err := MarkSelf()
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_RTTIME, &old) }()
	return mark, cmd.Start()
}

// MarkSelf gives this process a mark, which all that it starts carry, but what
// StartMarked starts.
func MarkSelf() (uint64, error) {
	mark := firstMark() + limitMarks.Add(1)
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_RTTIME, &limit)
	if err == nil {
		limit.Cur = mark
		err = unix.Setrlimit(unix.RLIMIT_RTTIME, &limit)
	}
	return mark, err
}

// Marked gives the processes that carry a mark, zombies too.
func Marked(mark uint64) []int { return AllMarked()[mark] }

// AllMarked gives the processes of every mark that this process has given, zombies
// too.
func AllMarked() map[uint64][]int {
	all := map[uint64][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if mark := MarkOf(pid); Mine(mark) {
				all[mark] = append(all[mark], pid)
			}
		}
	}
	return all
}

// Mine says whether a mark was given by this process.
func Mine(mark uint64) bool { return mark > firstMark() && mark <= firstMark()+marksOfOne }

// marksOfOne is how many marks a process can give, see firstMark.
const marksOfOne = 1_000_000

// firstMark is below all marks of this process, and above those of processes with
// a lower pid.
func firstMark() uint64 { return 1_000_000_000_000_000 + uint64(os.Getpid())*marksOfOne }

// MarkOf gives the mark that a process carries; a number that is no mark for one
// without, and for one that is gone. A test looks at all processes again and again,
// so that is one call where it is allowed; everybody may read the file
// (proc_pid_limits(5)).
func MarkOf(pid int) uint64 {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_RTTIME, nil, &limit); err != unix.EPERM {
		return limit.Cur
	}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	_, line, _ := strings.Cut(string(data), "Max realtime timeout")
	var mark uint64
	_, _ = fmt.Sscan(line, &mark)
	return mark
}
