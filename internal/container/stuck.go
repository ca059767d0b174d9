package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
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

// Frozen says that somebody has frozen the command, which can't answer a signal
// until it is thawed; "" if not, or before the command runs.
func (c *Container) Frozen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command < 0 {
		return ""
	}
	pid := linux.PidOf(c.command)
	if pid <= 0 {
		return ""
	}
	return frozen(pid)
}

// freezers are, for a line of /proc/PID/cgroup, where its hierarchy is mounted
// and which file tells that a cgroup freezes (cgroup-v1/freezer-subsystem.rst,
// cgroup-v2.rst). Hybrid hosts have both; what v2 has frozen can be killed, what
// v1 has can't.
var freezers = []struct{ controllers, root, file, thawed string }{
	{"freezer", "/sys/fs/cgroup/freezer", "freezer.state", "THAWED"},
	{"", "/sys/fs/cgroup", "cgroup.freeze", "0"},
	{"", "/sys/fs/cgroup/unified", "cgroup.freeze", "0"},
}

// frozen names the cgroup that freezes a process, and what thaws it.
func frozen(pid int) string {
	data, err := os.ReadFile(procPath(pid, "cgroup"))
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(data), "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 {
			continue
		}
		for _, f := range freezers {
			if fields[1] != f.controllers {
				continue
			}
			for path := filepath.Join(f.root, fields[2]); len(path) > len(f.root); path = filepath.Dir(path) {
				state, err := os.ReadFile(filepath.Join(path, f.file))
				if err == nil && strings.TrimSpace(string(state)) != f.thawed {
					return fmt.Sprintf("process %d is frozen by the cgroup %s; thaw it: echo %s > %s/%s", pid, path, f.thawed, path, f.file)
				}
			}
		}
	}
	return ""
}
