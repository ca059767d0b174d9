package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// leftover is something that is there although nothing should be.
type leftover struct{ kind, what string }

func (l leftover) String() string { return l.kind + ": " + l.what }

// leftovers looks for what is left of a round, what costs least first: only where
// that is nothing the next is looked at. What a next start sweeps is left out
// before it.
func (r *round) leftovers() []leftover {
	var left []leftover
	for _, p := range r.look() {
		left = append(left, leftover{"process", p.String()})
	}
	if len(left) > 0 {
		return left
	}
	if !r.drained() {
		left = append(left, leftover{"pipe", "somebody has the supervisor's stdout open"})
	}
	if !r.crowd.over() {
		left = append(left, leftover{"connection", "a client of the control socket has not come to the end of its stream"})
	}
	if !r.attack.sweeps {
		left = append(left, r.outsideLeft()...)
	}
	if r.seen = time.Now(); len(left) > 0 {
		return left
	}
	return append(r.processesLeft(), r.kernelLeft()...)
}

// processesLeft looks at every process of this machine: at its environment, its
// pid namespace and its mounts.
func (r *round) processesLeft() []leftover {
	var left []leftover
	mark, seen := []byte(markName+"="+r.name+"\x00"), map[string]bool{}
	for _, pid := range allPids() {
		env, _ := os.ReadFile(procPath(pid, "environ")) // a zombie has none
		switch {
		case bytes.Contains(env, mark):
			left = append(left, leftover{"process", fmt.Sprintf("process %d has %q in its environment", pid, mark)})
		case r.spaces[pidNamespace(pid)] && r.mayBe(pid):
			left = append(left, leftover{"process", fmt.Sprintf("process %d is in the pid namespace of a container", pid)})
		}
		space, err := os.Readlink(procPath(pid, "ns/mnt"))
		if err != nil || seen[space] {
			continue
		}
		seen[space] = true
		mounts, _ := os.ReadFile(procPath(pid, "mountinfo"))
		for line := range strings.Lines(string(mounts)) {
			if strings.Contains(line, r.name) {
				left = append(left, leftover{"mount", fmt.Sprintf("in the mount namespace of process %d: %s", pid, strings.TrimSpace(line))})
			}
		}
	}
	return left
}

// kernelLeft looks into the kernel's tables of locks, sockets and devices.
func (r *round) kernelLeft() []leftover {
	var left []leftover
	locks, _ := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(locks)) {
		// "1: FLOCK  ADVISORY  WRITE 708 00:2d:3 0 EOF" (proc_locks(5))
		if pid := lockOwner(line); r.pids[pid] && !r.before.locks[lockName(line)] && !r.stranger(pid) {
			left = append(left, leftover{"lock", strings.TrimSpace(line) + holders(line)})
		}
	}
	sockets, _ := os.ReadFile("/proc/net/unix")
	for line := range strings.Lines(string(sockets)) {
		if strings.Contains(line, r.name) {
			left = append(left, leftover{"socket", strings.TrimSpace(line)})
		}
	}
	for device := range devices() {
		if !r.before.devices[device] {
			left = append(left, leftover{"network device", device})
		}
	}
	return left
}

// lockOwner is who took a lock of /proc/locks; lockName is that and what it is on.
func lockOwner(line string) int {
	if fields := strings.Fields(line); len(fields) > 5 {
		pid, _ := strconv.Atoi(fields[4])
		return pid
	}
	return 0
}

// holders are those who have the file of a lock open: a lock lasts as long as
// somebody has, whoever took it (flock(2)).
func holders(line string) string {
	fields := strings.Fields(line)
	inode := fields[5][strings.LastIndexByte(fields[5], ':')+1:]
	text := "; open in"
	for _, pid := range allPids() {
		open, _ := filepath.Glob(procPath(pid, "fd/*"))
		for _, file := range open {
			var st unix.Stat_t
			if unix.Stat(file, &st) == nil && strconv.FormatUint(st.Ino, 10) == inode {
				path, _ := os.Readlink(file)
				text += fmt.Sprintf(" %v as %s", testkit.Living([]int{pid}), path)
			}
		}
	}
	return text
}

func lockName(line string) string {
	_, name, _ := strings.Cut(strings.TrimSpace(line), ": ")
	return name
}

// mayBe says whether a process in a namespace with the number of one of this
// round's is in that very namespace: the kernel gives the numbers of namespaces
// that are gone to new ones, whose processes are younger than the supervisor's
// death, or known to be another round's.
func (r *round) mayBe(pid int) bool {
	data, _ := os.ReadFile(procPath(pid, "stat"))
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" || r.stranger(pid) && testkit.Mine(testkit.MarkOf(pid)) {
		return false
	}
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	ticks, _ := strconv.ParseInt(fields[19], 10, 64) // of 10 ms after boot (proc_pid_stat(5))
	return time.Duration(ticks)*10*time.Millisecond < time.Duration(now.Nano())-time.Since(r.struck)
}

// stranger says whether a pid of this round is another process's by now.
func (r *round) stranger(pid int) bool {
	mark := testkit.MarkOf(pid)
	return mark != 0 && mark != r.mark
}

// outside is what is outside all namespaces, of whomever.
type outside struct{ folders, cgroups, devices, locks map[string]bool }

func (w *workshop) outside() *outside {
	o := &outside{map[string]bool{}, map[string]bool{}, devices(), map[string]bool{}}
	locks, _ := os.ReadFile("/proc/locks") // one may outlive the process that took it, whose pid is given away again
	for line := range strings.Lines(string(locks)) {
		o.locks[lockName(line)] = true
	}
	folders, _ := filepath.Glob(w.base + "/*")
	for _, folder := range folders {
		o.folders[folder] = true
	}
	for _, folder := range testkit.CgroupFolders("lanyard-*") {
		o.cgroups[folder] = true
	}
	return o
}

func devices() map[string]bool {
	names := map[string]bool{}
	data, _ := os.ReadFile("/proc/net/dev")
	for line := range strings.Lines(string(data)) {
		if name, _, found := strings.Cut(line, ":"); found {
			names[strings.TrimSpace(name)] = true
		}
	}
	return names
}

// runCgroup is the folder of a run's cgroups, or its scope, named for the run.
var runCgroup = regexp.MustCompile(`/lanyard-([0-9a-f]{12})(\.scope)?$`)

// outsideLeft looks for run folders, cgroups and files. Those that other runs
// have, or that a killed one of another lane has left for its next start, have a
// run folder with another pid in its lock.
func (r *round) outsideLeft() []leftover {
	var left []leftover
	folders, _ := filepath.Glob(r.w.base + "/*")
	locks, _ := os.ReadFile("/proc/locks")
	for _, folder := range folders {
		if !r.before.folders[folder] && r.ownsFolder(folder, string(locks)) {
			left = append(left, leftover{"folder", folder})
		}
	}
	for _, folder := range testkit.CgroupFolders("lanyard-*") {
		if m := runCgroup.FindStringSubmatch(folder); m != nil && !r.before.cgroups[folder] && !slices.Contains(folders, filepath.Join(r.w.base, m[1])) {
			left = append(left, leftover{"cgroup", folder})
		}
	}
	if r.service {
		for _, folder := range testkit.CgroupFolders("harpoon*/" + r.name) {
			left = append(left, leftover{"cgroup", folder})
		}
	}
	return append(left, r.filesLeft()...)
}

// ownsFolder says whether a run folder is this round's: its lock names one of its
// processes, or nobody and nobody holds it.
func (r *round) ownsFolder(folder, locks string) bool {
	text, err := os.ReadFile(filepath.Join(folder, "lock"))
	if pid, _, found := strings.Cut(string(text), " "); err == nil && found {
		number, _ := strconv.Atoi(pid)
		return r.pids[number] || number == r.next
	}
	var st unix.Stat_t
	if unix.Stat(filepath.Join(folder, "lock"), &st) != nil {
		return unix.Access(folder, unix.F_OK) == nil
	}
	return !strings.Contains(locks, fmt.Sprintf(":%d ", st.Ino))
}

// filesLeft looks for what a run made beside its project file.
func (r *round) filesLeft() []leftover {
	var left []leftover
	_ = filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case d.Name() == ".lanyard": // volumes, which stay
			return fs.SkipDir
		case d.IsDir(), slices.Contains([]string{"lanyard.yaml", "agent.json", "rootfs", "container.json", "stderr"}, d.Name()):
			return nil
		case d.Type()&fs.ModeSocket != 0:
			left = append(left, leftover{"socket", path})
		default:
			left = append(left, leftover{"file", path})
		}
		return nil
	})
	return left
}
