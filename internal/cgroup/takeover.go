package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/opencontainers/cgroups"
)

// supervisors are the names, as /proc has them (15 bytes at most), of programs
// whose descendants are nobody else's to kill.
var supervisors = []string{"lanyard", "harpoon-supervi"}

// BusyError says that a live supervisor has processes in a group.
type BusyError struct {
	PID  int    // of the supervisor
	Name string // of the group, e.g. "harpoon/web"
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("the cgroup %s is in use: process %d runs a container in it; end that one first, or choose another ID", e.Name, e.PID)
}

// TakeOver makes way for Create where the group has a name that others may have
// used before: one that is empty is removed, in every v1 hierarchy. Processes in
// it are killed, unless one of them descends from a live supervisor: then nothing
// is touched, and the error is a *BusyError. Two calls at once for one name must
// be kept apart by the caller (container.Run.Claim).
func (g *Group) TakeOver() error {
	if !slices.ContainsFunc(g.folders(), func(folder string) bool { _, err := os.Stat(folder); return err == nil }) {
		return nil // nobody had the name
	}
	folders, err := g.everywhere()
	if err != nil {
		return err
	}
	members := map[int]bool{}
	for _, folder := range folders {
		addMembers(members, folder)
	}
	if pid := supervisorOf(members); pid != 0 {
		return &BusyError{PID: pid, Name: g.name}
	}
	for _, folder := range folders {
		if err := janitor.RemoveCgroup(folder); err != nil {
			return fmt.Errorf("cannot remove the cgroup %s that was left over: %w; end what is in it, see cgroup.procs there", folder, err)
		}
	}
	return nil
}

// everywhere gives the folders of that name that there are. The freezer comes
// first: nothing frozen dies before it is thawed.
func (g *Group) everywhere() ([]string, error) {
	all := g.folders()
	if _, v2 := g.paths[""]; !v2 {
		mounts, err := cgroups.GetCgroupMounts(false)
		if err != nil {
			return nil, fmt.Errorf("cannot find out where the cgroups are mounted: %w", err)
		}
		for _, m := range mounts {
			folder := filepath.Join(m.Mountpoint, g.name)
			if slices.Contains(m.Subsystems, "freezer") {
				all = append([]string{folder}, all...)
			} else {
				all = append(all, folder)
			}
		}
	}
	var there []string
	for _, folder := range all {
		if _, err := os.Stat(folder); err == nil && !slices.Contains(there, folder) {
			there = append(there, folder)
		}
	}
	return there, nil
}

// addMembers adds the processes of a folder and of those below it.
func addMembers(members map[int]bool, folder string) {
	data, _ := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
	for _, line := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
			members[pid] = true
		}
	}
	below, _ := os.ReadDir(folder)
	for _, e := range below {
		if e.IsDir() {
			addMembers(members, filepath.Join(folder, e.Name()))
		}
	}
}

// supervisorOf gives a live supervisor, outside of the group, that a member
// descends from; this process if it is a member itself; 0 for none. Orphans that
// came to this process, as to PID 1, are nobody's.
func supervisorOf(members map[int]bool) int {
	if members[os.Getpid()] {
		return os.Getpid()
	}
	for member := range members {
		_, pid := parentOf(member)
		for pid > 0 && pid != os.Getpid() {
			name, parent := parentOf(pid)
			if !members[pid] && slices.Contains(supervisors, name) {
				return pid
			}
			pid = parent
		}
	}
	return 0
}

// parentOf gives a process's name and its parent (proc_pid_stat(5)); 0 once it
// is gone.
func parentOf(pid int) (name string, parent int) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	text := string(data)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return "", 0
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(fields[1])
	return text[open+1 : end], parent
}
