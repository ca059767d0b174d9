package main

import (
	"bufio"
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
	for _, peer := range []string{"crun", "runc", "bwrap"} {
		version := "not installed"
		if out, err := exec.Command(peer, "--version").Output(); err == nil {
			version, _, _ = strings.Cut(string(out), "\n")
		}
		lines = append(lines, peer+": "+version)
	}
	return lines
}

func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
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
