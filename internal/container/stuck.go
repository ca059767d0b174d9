package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Stuck says what holds back the end of a container that was killed, as far as
// /proc tells; "" if nothing can be seen. It reads a few small files of each
// process of this machine, so it is for reports, not for loops.
func (c *Container) Stuck() string {
	c.mu.Lock()
	ns, pid, alive := c.pidNS, c.pid, c.pidfd >= 0
	c.mu.Unlock()
	if !alive {
		return ""
	}
	if why := frozen(pid); why != "" {
		return why
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return ""
	}
	for _, e := range entries {
		p, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if link, err := os.Readlink(procPath(p, "ns/pid")); err != nil || link != ns {
			continue
		}
		if why := frozen(p); why != "" {
			return why
		}
		if name, state := processState(p); state == "D" {
			return fmt.Sprintf("process %d (%s) is in uninterruptible sleep (state D), waiting for a device or a network filesystem", p, name)
		}
	}
	return ""
}

func processState(pid int) (name, state string) {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return "", ""
	}
	text := string(data)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open || end+2 >= len(text) {
		return "", ""
	}
	return text[open+1 : end], text[end+2 : end+3]
}

// frozen names the cgroup that freezes a process: even KILL waits until it is
// thawed (v1; on v2 a frozen process can be killed).
func frozen(pid int) string {
	data, err := os.ReadFile(procPath(pid, "cgroup"))
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(data), "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 || fields[1] != "freezer" {
			continue
		}
		for path := filepath.Join("/sys/fs/cgroup/freezer", fields[2]); len(path) > len("/sys/fs/cgroup/freezer"); path = filepath.Dir(path) {
			state, err := os.ReadFile(filepath.Join(path, "freezer.state"))
			if err == nil && strings.TrimSpace(string(state)) != "THAWED" {
				return fmt.Sprintf("process %d is frozen by the cgroup %s; thaw it: echo THAWED > %s/freezer.state", pid, path, path)
			}
		}
	}
	return ""
}
