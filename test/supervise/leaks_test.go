package supervise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// leftTime is how long anything may outlive a supervisor, however it ended.
const leftTime = 2 * time.Second

// marked gives the processes that carry mark, but for zombies.
func marked(mark uint64) []testkit.Process { return testkit.Living(testkit.Marked(mark)) }

// named gives the processes of a supervisor that have a name: lanyard-init for
// the stage, lanyard-janitor, or a command's.
func (r *running) named(name string) []testkit.Process {
	return testkit.Named(marked(r.mark), name)
}

// nothingLeft checks that nothing of a supervisor that ended is there 2 s later.
func (r *running) nothingLeft() {
	r.t.Helper()
	var left string
	gone := testkit.Until(testkit.Slow(leftTime), func() bool {
		left = r.leftovers()
		return left == ""
	})
	if !gone {
		r.t.Errorf("%v after the end of the supervisor there is still:\n%s\n%s", testkit.Slow(leftTime), left, r.log())
	}
}

func (r *running) leftovers() string {
	var left []string
	for _, p := range marked(r.mark) {
		left = append(left, p.String())
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, r.base+"/") {
			left = append(left, "mount "+strings.TrimSpace(line))
		}
	}
	left = append(left, cgroupsOf(r.id)...)
	left = append(left, testkit.CgroupFolders("harpoon-"+r.id+".scope")...)
	if _, err := os.Lstat(filepath.Join(r.cmd.Dir, "control")); err == nil {
		left = append(left, "the socket control")
	}
	for _, folder := range deadFolders(r.runBase()) {
		if !r.before[folder] {
			left = append(left, folder)
		}
	}
	return strings.Join(left, "\n")
}

// cgroupsOf gives the cgroups of a container's name, in every hierarchy of v1, or
// below whatever is the base on v2.
func cgroupsOf(id string) []string { return testkit.CgroupFolders("harpoon/" + id) }

// cgroupRoots gives the folders that cgroup hierarchies are mounted on: v2's
// only one, or all of v1.
func cgroupRoots() []string {
	if unified() {
		return []string{"/sys/fs/cgroup"}
	}
	files, _ := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	var roots []string
	for _, file := range files {
		roots = append(roots, filepath.Dir(file))
	}
	return roots
}

func unified() bool { return exists("/sys/fs/cgroup/cgroup.controllers") }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (r *running) runBase() string {
	if os.Geteuid() == 0 {
		return "/run/lanyard"
	}
	return filepath.Join(r.base, "run", "lanyard")
}

// deadFolders gives the run folders that nobody holds the lock of. The lock is
// looked up and not tried: trying would get in the way of a run that starts.
func deadFolders(base string) []string {
	var list []string
	folders, _ := filepath.Glob(base + "/*")
	locks, _ := os.ReadFile("/proc/locks")
	for _, folder := range folders {
		var st unix.Stat_t
		err := unix.Stat(filepath.Join(folder, janitor.LockFile), &st)
		if err != nil || !strings.Contains(string(locks), fmt.Sprintf(":%d ", st.Ino)) {
			list = append(list, folder)
		}
	}
	return list
}
