package container

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// dying says whether the command is on its way out: KILL is pending for it, or it
// has begun to exit, which takes a second and more where it has gigabytes to free.
func (c *Container) dying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command < 0 {
		return false
	}
	pid := linux.PidOf(c.command)
	return pid < 0 || pid > 0 && (startOf(pid) == "" || isKilled(pid))
}

// isKilled says whether KILL is pending for a process, as until it gets a processor,
// or is thawed: it is for each of its threads then (Linux kernel/signal.c,
// complete_signal).
func isKilled(pid int) bool {
	data, _ := os.ReadFile(procPath(pid, "status"))
	for line := range strings.Lines(string(data)) {
		if text, found := strings.CutPrefix(line, "SigPnd:"); found {
			mask, _ := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			return mask&(1<<(syscall.SIGKILL-1)) != 0
		}
	}
	return false
}

// startOf gives the start time of a process that lives (proc_pid_stat(5), field
// 22), "" for one that does not, has begun to exit, or is a zombie.
func startOf(pid int) string {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return ""
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	const exiting = 4 // PF_EXITING (Linux include/linux/sched.h)
	if flags, _ := strconv.ParseUint(fields[6], 10, 64); flags&exiting != 0 {
		return ""
	}
	return fields[19]
}
