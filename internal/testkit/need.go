package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/opencontainers/cgroups"
)

// Need is something that a test can't do without.
type Need string

// What tests need.
const (
	Root       Need = "root"       // uid 0
	User       Need = "user"       // an ordinary user
	UserNS     Need = "userns"     // user namespaces for this user
	Limits     Need = "limits"     // cgroups with memory, cpu and pids that this user may make, or has systemd make
	NoCgroup   Need = "nocgroup"   // a user who may make no cgroup
	CgroupV1   Need = "cgroup1"    // hierarchies of v1
	CgroupV2   Need = "cgroup2"    // the unified hierarchy only
	CgroupKill Need = "cgroupkill" // cgroup.kill, of Linux 5.14
	Pressure   Need = "psi"        // the kernel counts pressure stalls
	Systemd    Need = "systemd"    // as the first process; for an ordinary user one of his own too
	IDs        Need = "ids"        // a range of ids for this user, and newuidmap
	Pty        Need = "pty"        // /dev/ptmx
	Fuse       Need = "fuse"       // fuse-overlayfs, and a /dev/fuse that this user may open
	Guest      Need = "guest"      // the machine of test/vm, whose settings may be changed, with a kernel of Debian's
)

// asVar names the variable that says which part of the suite runs.
const asVar = "LANYARD_TEST_AS"

// Elsewhere are, for each part of the suite, the needs whose tests another part
// runs, so that they may be skipped in it: the two halves that any machine runs
// (root, user), and the modes of the guest, see test/vm. A program is "the
// program NAME"; those here are what the guest lacks and the machine has.
var Elsewhere = map[string][]Need{
	"root":            {User, CgroupV1, CgroupV2, CgroupKill, Systemd, Guest},
	"user":            {Root, Limits, NoCgroup, CgroupV1, CgroupV2, CgroupKill, Systemd, Fuse, Guest},
	"vm-root":         append([]Need{User, Systemd}, notInGuest...),
	"vm-user":         append([]Need{Root, Systemd, NoCgroup}, notInGuest...), // see AsStranger
	"vm-systemd-root": append([]Need{User}, notInGuest...),
	"vm-systemd-user": append([]Need{Root, NoCgroup}, notInGuest...),
}

var notInGuest = []Need{CgroupV1, program("go"), program("zsh"), program("fish"), program("man"), program("vim")}

func program(name string) Need { return Need("the program " + name) }

// Require skips the test where the machine lacks what it needs, on another
// person's machine. In CI, which sets LANYARD_TEST_AS, only the needs that
// another part of the suite covers may skip: see Elsewhere.
func Require(t testing.TB, needs ...Need) {
	t.Helper()
	for _, need := range needs {
		if why := missing(need); why != "" {
			skip(t, need, ": "+why)
		}
	}
}

// RequireTool skips, or in CI fails, a test without a program; it gives its path.
func RequireTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skip(t, program(name), "")
	}
	return path
}

func skip(t testing.TB, need Need, why string) {
	t.Helper()
	if as := os.Getenv(asVar); as != "" && !slices.Contains(Elsewhere[as], need) {
		t.Fatalf("this test is required here and needs %s%s", need, why)
	}
	t.Skipf("needs %s%s", need, why)
}

func missing(need Need) string {
	switch need {
	case Root:
		if os.Geteuid() != 0 {
			return "running as an ordinary user"
		}
	case User:
		if os.Geteuid() == 0 {
			return "running as root"
		}
	case UserNS:
		cmd := exec.Command("/bin/true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
		if err := cmd.Run(); err != nil {
			return fmt.Sprintf("no user namespaces: %v", err)
		}
	case Limits:
		return NoLimits()
	case NoCgroup:
		if MayMakeCgroups() {
			return "this user has been given some"
		}
	case CgroupV1:
		if cgroups.IsCgroup2UnifiedMode() {
			return "/sys/fs/cgroup is the unified hierarchy"
		}
	case CgroupV2:
		if !cgroups.IsCgroup2UnifiedMode() {
			return "/sys/fs/cgroup is not the unified hierarchy"
		}
	case CgroupKill:
		if files, _ := filepath.Glob("/sys/fs/cgroup/*/cgroup.kill"); len(files) == 0 { // the root has none
			return "no cgroup.kill"
		}
	case Pressure:
		// Opening works without it, reading does not (psi=0).
		if _, err := os.ReadFile("/proc/pressure/cpu"); err != nil {
			return err.Error()
		}
	case Systemd:
		return noSystemd()
	case IDs:
		if none := ids.Lookup(os.Geteuid()).None; none != nil {
			return none.Error()
		}
	case Guest:
		if !inGuest() {
			return "this machine is somebody's"
		}
	case Pty:
		f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			return err.Error()
		}
		f.Close()
	case Fuse:
		if _, err := exec.LookPath("fuse-overlayfs"); err != nil {
			return err.Error()
		}
		f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
		if err != nil {
			return err.Error()
		}
		f.Close()
	}
	return ""
}

func inGuest() bool { return strings.HasPrefix(os.Getenv(asVar), "vm-") }

// IOWeight says whether there has to be a weight for io in this user's cgroups,
// so that a test can't take a lost one for a kernel without: the guest's kernel
// has blk-iocost, but systemd gives users no io.
func IOWeight() bool {
	return inGuest() && (os.Geteuid() == 0 || noSystemd() != "")
}

func noSystemd() string {
	// The sockets of the managers (sd_booted(3); systemctl --user uses the other).
	for _, path := range []string{"/run/systemd/system", filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "systemd/private")} {
		if _, err := os.Stat(path); err != nil {
			return err.Error()
		}
		if os.Geteuid() == 0 {
			break
		}
	}
	return ""
}
