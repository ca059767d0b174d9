package janitor

import (
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Scope is what a supervisor writes to its janitor right before it asks systemd to
// start the scope of that name with the janitor in it: the janitor does not end
// before that. Without a name it is that none comes any more. The last one counts.
// The first thing in the pipe is the run folder's path. It is not in the journal,
// which a sweep of another run may have removed before the janitor has read it.
func Scope(name string) string { return "\x00" + name }

// told takes apart what came through the pipe.
func told(text string) (folder, scope string) {
	first, last := len(text), len(text)
	for i := range len(text) {
		if text[i] == 0 {
			first, last = min(first, i), i+1
		}
	}
	return text[:first], text[last:]
}

// enterTime is how long a janitor waits for its scope: a supervisor that was killed
// may not have come to ask for it. Busy, and in emulation, systemd took 132 ms at most
// (104 starts).
const enterTime = time.Second

// enter waits until systemd has put this process into a scope, so that the scope
// ends with it. If it ended before, the scope would be there for ever: a write to
// cgroup.procs does not move a process that is exiting, and says that it has
// (Linux kernel/cgroup/cgroup.c, cgroup_migrate_add_task), so systemd would wait
// for the end of a scope that nobody was ever in.
func enter(scope string) {
	deadline := time.Now().Add(enterTime)
	for wait := time.Millisecond; !within(scope) && time.Now().Before(deadline); wait = min(2*wait, 50*time.Millisecond) {
		time.Sleep(wait)
	}
}

// within says whether this process is in a scope, or below it; true if there is no
// scope or nothing can be known.
func within(scope string) bool {
	if scope == "" {
		return true
	}
	fd, err := syscall.Open("/proc/self/cgroup", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer syscall.Close(fd)
	text, err := linux.ReadAll(fd, 1<<16)
	return err != nil || isBelow(string(text), scope)
}

// isBelow says whether a path in the text of cgroups(7), /proc/PID/cgroup, has a
// folder of that name in it: the supervisor may have moved us into the leaf of the
// scope already.
func isBelow(text, name string) bool {
	start := 0
	for i := range len(text) {
		if c := text[i]; c == '/' || c == '\n' {
			if text[start:i] == name {
				return true
			}
			start = i + 1
		}
	}
	return false
}
