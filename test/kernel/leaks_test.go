package kernel_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// leftTime is how long anything may outlive lanyard, however it ended.
const leftTime = 2 * time.Second

// marked gives the processes that carry mark, but for zombies.
func marked(mark uint64) []testkit.Process { return testkit.Living(testkit.Marked(mark)) }

// named gives this run's processes of a name: lanyard-init for the stages,
// lanyard-janitor, or a command's.
func (r *running) named(name string) []testkit.Process {
	return testkit.Named(marked(r.mark), name)
}

// nothingLeft checks that nothing of a run that ended is there 2 s later.
func (r *running) nothingLeft() {
	r.t.Helper()
	var left string
	gone := testkit.Until(testkit.Slow(leftTime), func() bool {
		left = r.leftovers()
		return left == ""
	})
	if !gone {
		r.t.Errorf("%v after the end of lanyard there is still:\n%s\n%s", testkit.Slow(leftTime), left, r.log())
	}
}

func (r *running) leftovers() string {
	var left []string
	for _, p := range marked(r.mark) {
		left = append(left, p.String())
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, r.dir) {
			left = append(left, "mount "+strings.TrimSpace(line))
		}
	}
	for _, path := range append(emptyCgroups(), deadFolders(r.runBase())...) {
		if !r.before[path] {
			left = append(left, path)
		}
	}
	return strings.Join(left, "\n")
}

func (r *running) runBase() string {
	if os.Geteuid() == 0 {
		return "/run/lanyard"
	}
	return filepath.Join(filepath.Dir(r.stdout), "lanyard")
}

// runCgroup is the folder of a run's cgroups, or its scope, named for the run.
var runCgroup = regexp.MustCompile(`/lanyard-[0-9a-f]{12}(\.scope)?$`)

// emptyCgroups gives the cgroups of lanyard's that nobody is in, in any
// hierarchy. Those of other runs have somebody, except for a moment.
func emptyCgroups() []string {
	var list []string
	for _, folder := range testkit.CgroupFolders("lanyard-*") {
		if runCgroup.MatchString(folder) && !occupied(folder) {
			list = append(list, folder)
		}
	}
	return list
}

func occupied(cgroup string) bool {
	found := false
	_ = filepath.WalkDir(cgroup, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "cgroup.procs" {
			data, _ := os.ReadFile(path)
			found = found || len(data) > 0
		}
		return nil
	})
	return found
}

// deadFolders gives the run folders that nobody holds the lock of. The lock is
// looked up and not tried: trying would get in the way of a run that starts.
func deadFolders(base string) []string {
	var list []string
	folders, _ := filepath.Glob(base + "/*")
	locks, _ := os.ReadFile("/proc/locks")
	for _, folder := range folders {
		var st unix.Stat_t
		err := unix.Stat(folder+"/lock", &st)
		if err != nil || !strings.Contains(string(locks), fmt.Sprintf(":%d ", st.Ino)) {
			list = append(list, folder)
		}
	}
	return list
}
