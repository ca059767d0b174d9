package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// markVar is in the environment of every supervisor that may leave processes
// behind, and so in theirs. Its value is the workshop's folder.
const markVar = "LANYARD_BENCH_OF"

// sweep kills what supervisors of this workshop have left. Parents are killed
// before their children, so that none is started again; it looks until there is
// nothing.
func (w *workshop) sweep() error {
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left, err := w.leftovers()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Since(begin) > patience {
			return fmt.Errorf("%d processes don't die: %v", len(left), left)
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		}
	}
}

// awaitLate waits for what goes on after its supervisor has ended, and ends by
// itself.
func (w *workshop) awaitLate() error {
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		left, err := w.leftovers()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Since(begin) > patience {
			return errors.Join(fmt.Errorf("%d processes go on %v after its end", len(left), patience), w.sweep())
		}
	}
}

// leftovers are the processes that have markVar from this workshop, or podman's
// folder in it among their arguments, because conmon gets no such environment; and
// what runs in a container of the workshop, whose environment is its own. They come
// in the order of their start, which has parents first. Those that are dead and not
// waited for have none of that.
func (w *workshop) leftovers() ([]int, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return nil, err
	}
	var out []int
	for _, p := range all {
		dir := "/proc/" + strconv.Itoa(p.pid)
		env, _ := os.ReadFile(dir + "/environ") // others' are not to be read
		args, _ := os.ReadFile(dir + "/cmdline")
		if strings.Contains("\x00"+string(env), "\x00"+markVar+"="+w.dir+"\x00") ||
			strings.Contains(string(args), "\x00"+filepath.Join(w.dir, podmanName)+"/") || w.holds(dir, own) {
			out = append(out, p.pid)
		}
	}
	slices.Sort(out)
	return out, nil
}

// holds says whether a process is in a container whose root is in this workshop.
// proc is its folder in /proc, own our pid namespace.
func (w *workshop) holds(proc, own string) bool {
	space, err := os.Readlink(proc + "/ns/pid")
	if err != nil || space == own {
		return false
	}
	mounts, _ := os.ReadFile(proc + "/mountinfo") // the fourth word is the folder of its filesystem (proc(5))
	return strings.Contains(string(mounts), "/"+filepath.Base(w.dir)+"/")
}

// unmount detaches what a runtime that was killed has left mounted in the
// workshop.
func (w *workshop) unmount() error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line) // the fifth is the mount point (proc(5))
		if len(fields) < 5 || !strings.HasPrefix(fields[4], w.dir+"/") {
			continue
		}
		if err := unix.Unmount(fields[4], unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			return fmt.Errorf("cannot unmount %s: %v", fields[4], err)
		}
	}
	return nil
}
