package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine describes where the figures come from, as "what: value" lines. It
// names no host.
func machine() []string {
	user := "an ordinary user"
	if os.Geteuid() == 0 {
		user = "root"
	}
	lines := []string{
		fmt.Sprintf("processor: %s, %d usable cores", processor(), runtime.NumCPU()),
		fmt.Sprintf("kernel: Linux %s, %s", kernel(), runtime.GOARCH),
		"cgroups: " + cgroups(),
		"Go: " + runtime.Version(),
		"run as: " + user,
		"load average at the start: " + load(),
		"date: " + time.Now().UTC().Format(time.DateOnly),
	}
	for _, p := range peerPrograms {
		lines = append(lines, p.program+": "+p.version())
	}
	return lines
}

// peerProgram is a program of a peer, and how its version is asked for.
type peerProgram struct {
	program string
	ask     []string
}

// peerPrograms are those whose versions a report names. runit and s6 tell theirs
// to nobody; Debian's packages know it.
var peerPrograms = []peerProgram{
	{"crun", []string{"crun", "--version"}},
	{"runc", []string{"runc", "--version"}},
	{"bwrap", []string{"bwrap", "--version"}},
	{"podman", []string{"podman", "--version"}},
	{"conmon", []string{"conmon", "--version"}},
	{"systemd-nspawn", []string{"systemd-nspawn", "--version"}},
	{"supervisord", []string{"supervisord", "--version"}},
	{"runsvdir", []string{"dpkg-query", "--show", "runit"}},
	{"s6-svscan", []string{"dpkg-query", "--show", "s6"}},
	{"foreman", []string{"foreman", "version"}},
	{"concurrently", []string{"concurrently", "--version"}},
	{"node", []string{"node", "--version"}},
	{"docker", []string{"docker", "--version"}},
}

func (p peerProgram) version() string {
	if _, missing := find(p.program); missing != "" {
		return missing
	}
	out, err := exec.Command(p.ask[0], p.ask[1:]...).Output()
	if err != nil {
		return "of an unknown version"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.Join(strings.Fields(first), " ")
}

// processor names the first processor with what tells its kind: some clouds give
// several generations the same model name.
func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	first, _, _ := strings.Cut(string(data), "\n\n")
	found := map[string]string{}
	for line := range strings.Lines(first) {
		name, value, _ := strings.Cut(line, ":")
		found[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if found["model name"] == "" {
		return "unknown"
	}
	return fmt.Sprintf("%s, family %s, model %s, stepping %s", found["model name"], found["cpu family"], found["model"], found["stepping"])
}

// kernel is the release without what a distribution or a host added to it.
func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return release
}

func cgroups() string {
	var fs unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &fs); err != nil {
		return "none"
	}
	if fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return "v2"
	}
	switch err := unix.Statfs(unified, &fs); {
	case err != nil:
		return "v1"
	case fs.Type == unix.CGROUP2_SUPER_MAGIC:
		return "v1, with a v2 tree beside it"
	default: // only its mount point is left, see hideUnified
		return "v1 (a v2 tree beside it is hidden from all contestants, because crun refuses such hosts)"
	}
}

func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
