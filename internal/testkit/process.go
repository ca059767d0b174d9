package testkit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is what is to be known of one.
type Process struct {
	PID   int
	PPID  int
	Name  string // argv[0] without its folder, a command's own choice; empty while the kernel takes it down
	State byte   // as in proc_pid_stat(5)
}

func (p Process) String() string {
	return fmt.Sprintf("process %d %q, state %c, parent %d", p.PID, p.Name, p.State, p.PPID)
}

// Living gives those of pids that are there and no zombies.
func Living(pids []int) []Process {
	var list []Process
	for _, pid := range pids {
		if p, ok := Look(pid); ok {
			list = append(list, p)
		}
	}
	return list
}

// Look gives a process, if there is one that is no zombie. Within execve(2) the
// kernel gives no arguments for some of a millisecond (proc_pid_cmdline(5) reads the
// new memory, which has none yet), so that they are read again, for a second at most.
// One that the kernel takes down has no memory at all, and is not waited for.
func Look(pid int) (p Process, found bool) {
	Until(Slow(time.Second), func() bool {
		var memory bool
		p, memory, found = read(pid)
		return !found || !memory || p.Name != ""
	})
	return p, found
}

// read looks once; memory says whether the process has any.
func read(pid int) (p Process, memory, found bool) {
	fields := statOf(fmt.Sprintf("/proc/%d/stat", pid))
	if fields == nil || fields[0] == "Z" || fields[0] == "X" {
		return p, false, false
	}
	p = Process{PID: pid, State: fields[0][0]}
	p.PPID, _ = strconv.Atoi(fields[1])
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if name, _, _ := strings.Cut(string(args), "\x00"); name != "" {
		p.Name = filepath.Base(name)
	}
	return p, fields[20] != "0", true // vsize, the 23rd
}

// statOf gives the fields of proc_pid_stat(5) from the third on; nil if there are
// none.
func statOf(path string) []string {
	data, _ := os.ReadFile(path)
	// The second, in parentheses, may hold anything, spaces too.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 21 {
		return nil
	}
	return fields
}

// Stopped says whether all threads of a process are: the first may be before the
// others.
func Stopped(pid int) bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, task := range tasks {
		if fields := statOf(task); fields == nil || fields[0] != "T" {
			return false
		}
	}
	return len(tasks) > 0
}

// Reaped says whether a process has waited for all of its children that have ended,
// so that it knows how they did.
func Reaped(pid int) bool {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(children)) {
			if fields := statOf("/proc/" + child + "/stat"); fields != nil && fields[0] == "Z" {
				return false
			}
		}
	}
	return len(lists) > 0
}

// Named gives those of a list that have a name.
func Named(list []Process, name string) []Process {
	var out []Process
	for _, p := range list {
		if p.Name == name {
			out = append(out, p)
		}
	}
	return out
}

// InitArguments is a command of a shell that prints PID 1's arguments, a line each,
// as soon as there are any, see Look.
const InitArguments = `until args=$(tr '\0' '\n' </proc/1/cmdline); [ -n "$args" ]; do :; done; echo "$args"`
