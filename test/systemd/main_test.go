// Package systemd_test runs the units of examples/systemd under a systemd that
// is there: the machine's, or an ordinary user's own. One test at a time: every
// container is called box, and a machine has one of that ID.
package systemd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, cli.Main) }

// bound is how long anything may take that a test waits for.
const bound = time.Minute

// What a service is given that is going to miss it: its next life, which does not,
// has to be that quick.
var (
	stopTime  = fmt.Sprintf("TimeoutStopSec=%g", (2*time.Second + testkit.Slow(time.Second)).Seconds())
	watchTime = fmt.Sprintf("WatchdogSec=%g", (4*time.Second + testkit.Slow(time.Second)).Seconds())
)

// units are the units of a test under names of their own, removed at its end.
type units struct {
	t      *testing.T
	name   string // in the place of lanyard-group and harpoon; no beginning of another one
	mark   string // in the environment of every command
	dir    string // in the place of %S/harpoon
	app    string // in the place of /srv/app
	folder string // of the unit files
}

var tests atomic.Int64

// install makes the example units known to the manager. The project in its
// folder is /srv/app; more is the text of a drop-in for the services.
func install(t *testing.T, project, more string) *units {
	t.Helper()
	n := tests.Add(1)
	u := &units{
		t: t, name: fmt.Sprintf("lanyard-test-%d-%03d", os.Getpid(), n), mark: fmt.Sprintf("TEST_MARK=%d-%d", os.Getpid(), n),
		dir: t.TempDir(), app: project, folder: "/run/systemd/system",
	}
	if os.Geteuid() != 0 {
		u.folder = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "systemd/user")
	}
	self, err := os.Executable()
	u.must(err)
	lanyard := filepath.Join(u.dir, "lanyard")
	u.must(os.Symlink(self, lanyard))
	u.must(os.MkdirAll(u.folder, 0o755))
	t.Cleanup(u.remove)
	for _, file := range []string{"lanyard-group.service", "harpoon@.service", "harpoon@.socket"} {
		data, err := os.ReadFile("../../examples/systemd/" + file)
		u.must(err)
		text := strings.NewReplacer("/usr/local/bin/lanyard", lanyard, "/srv/app", project,
			"%S/harpoon", u.dir, "harpoon@", u.name+"@").Replace(string(data))
		path := filepath.Join(u.folder, strings.NewReplacer("lanyard-group", u.name, "harpoon", u.name).Replace(file))
		u.must(os.WriteFile(path, []byte(text), 0o644))
		if strings.HasSuffix(file, ".service") {
			u.must(os.Mkdir(path+".d", 0o755))
			more := "[Service]\nEnvironment=LANYARDENV_" + u.mark + "\n" +
				"ExecStopPost=/bin/sh -c 'echo $$SERVICE_RESULT $$EXIT_STATUS >" + u.dir + "/result'\n" + more + "\n"
			u.must(os.WriteFile(path+".d/test.conf", []byte(more), 0o644))
		}
	}
	u.ctl("daemon-reload")
	return u
}

func (u *units) must(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

// remove ends what is left and takes the units away.
func (u *units) remove() {
	_, _ = u.try("systemctl", "kill", "--signal=KILL", u.name+"*")
	_, _ = u.try("systemctl", "stop", u.name+"*.service", u.name+"*.socket")
	_, _ = u.try("systemctl", "reset-failed", u.name+"*")
	files, _ := filepath.Glob(u.folder + "/" + u.name + "*")
	for _, file := range files {
		_ = os.RemoveAll(file)
	}
	_, _ = u.try("systemctl", "daemon-reload")
}

// try runs a program of systemd's for the manager that is ours.
func (u *units) try(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if os.Geteuid() != 0 {
		args = append([]string{"--user"}, args...)
	}
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	return string(out), err
}

func (u *units) ctl(args ...string) {
	u.t.Helper()
	if out, err := u.try("systemctl", args...); err != nil {
		u.t.Fatalf("systemctl %q: %v\n%s", args, err, out)
	}
}

// show gives a property of a unit.
func (u *units) show(unit, property string) string {
	u.t.Helper()
	out, err := u.try("systemctl", "show", "--value", "--property="+property, unit)
	if err != nil {
		u.t.Fatalf("systemctl show %s: %v\n%s", unit, err, out)
	}
	return strings.TrimSpace(out)
}

// has waits until a property has a value.
func (u *units) has(unit, property, want string) {
	u.t.Helper()
	got := ""
	for deadline := time.Now().Add(bound); ; time.Sleep(100 * time.Millisecond) {
		if got = u.show(unit, property); got == want {
			return
		}
		if time.Now().After(deadline) {
			status, _ := u.try("systemctl", "status", "--full", "--lines=50", unit)
			u.t.Fatalf("%s of %s is %q after %v, want %q\n%s", property, unit, got, bound, want, status)
		}
	}
}

// is checks properties of a unit that are what they are: PROPERTY=VALUE.
func (u *units) is(unit string, wants ...string) {
	u.t.Helper()
	for _, want := range wants {
		property, value, _ := strings.Cut(want, "=")
		if got := u.show(unit, property); got != value {
			u.t.Errorf("%s of %s is %q, want %q", property, unit, got, value)
		}
	}
}

// result checks how a service ended, as systemd told its ExecStopPost: the
// result and the status (systemd.exec(5)). A unit that is inactive may be
// forgotten at any time, and its properties with it.
func (u *units) result(want string) {
	u.t.Helper()
	path := filepath.Join(u.dir, "result")
	data, err := os.ReadFile(path)
	u.must(err)
	u.must(os.Remove(path))
	if got := strings.TrimSpace(string(data)); got != want {
		u.t.Errorf("the service ended as %q, want %q", got, want)
	}
}

// until polls a condition, and fails after bound.
func (u *units) until(what string, condition func() bool) {
	u.t.Helper()
	for deadline := time.Now().Add(bound); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			u.t.Fatalf("%s: not so after %v", what, bound)
		}
	}
}

// nothingRuns waits until no process, cgroup or mount of a service is there,
// whose ControlGroup was group.
func (u *units) nothingRuns(group string) {
	u.t.Helper()
	u.until("no process is left", func() bool { return len(testkit.Pids(u.mark))+len(testkit.Pids("LANYARDENV_"+u.mark)) == 0 })
	u.until("no cgroup is left", func() bool {
		return !exists("/sys/fs/cgroup"+group) && len(testkit.CgroupFolders("harpoon-box.scope")) == 0
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	u.must(err)
	if strings.Contains(string(mounts), u.dir) {
		u.t.Errorf("a mount is left:\n%s", mounts)
	}
}

// nothingLeft is nothingRuns, and no run folder is there. After systemd has
// killed the janitor as well, that takes the next start.
func (u *units) nothingLeft(group string) {
	u.t.Helper()
	u.nothingRuns(group)
	if left := u.runFolders(); len(left) > 0 {
		u.t.Errorf("run folders are left: %v", left)
	}
}

// runFolders are those whose journal names something of this test.
func (u *units) runFolders() []string {
	base := "/run"
	if os.Geteuid() != 0 {
		base = os.Getenv("XDG_RUNTIME_DIR")
	}
	journals, err := filepath.Glob(base + "/lanyard/*/" + janitor.JournalFile)
	u.must(err)
	return slices.DeleteFunc(journals, func(path string) bool {
		data, _ := os.ReadFile(path)
		return !strings.Contains(string(data), u.dir+"/") && !strings.Contains(string(data), u.app+"/")
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
