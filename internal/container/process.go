package container

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// dying says whether the command is on its way out, and not by our Kill.
func (c *Container) dying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command < 0 || c.killed {
		return false
	}
	return isEnding(linux.PidOf(c.command)) || linux.PidOf(c.command) < 0
}

// isEnding says whether a process is on its way out: KILL is pending for it, or all
// its threads have begun to exit, which takes a second and more where it has
// gigabytes to free. false of one that is gone, or can't be looked at.
func isEnding(pid int) bool { return isKilled(pid) || isExiting(pid) }

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

func isExiting(pid int) bool {
	const exiting = 4 // PF_EXITING (Linux include/linux/sched.h)
	tasks, _ := filepath.Glob(procPath(pid, "task/*/stat"))
	for _, task := range tasks {
		fields := statOf(task)
		if fields == nil {
			continue // a thread that is gone
		}
		if flags, _ := strconv.ParseUint(fields[9-3], 10, 64); flags&exiting == 0 {
			return false
		}
	}
	return len(tasks) > 0
}

// startOf gives the start time of a process that lives (proc_pid_stat(5), field
// 22), "" for one that does not or is a zombie.
func startOf(pid int) string {
	fields := statOf(procPath(pid, "stat"))
	if fields == nil || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[22-3]
}

// statOf gives the fields of proc_pid_stat(5) from the third on; nil if there are
// none.
func statOf(path string) []string {
	data, _ := os.ReadFile(path)
	// The second, in parentheses, may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return nil
	}
	return fields
}
