package run_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	idmap "github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const ids = `
containers:
  c: {rootfs: ROOT}
commands:
  root: !Command {container: c, run: [sh, -c], accepts-arguments: true}
  user: !Command {container: c, user-id: 1000, group-id: 2000, run: [sh, -c], accepts-arguments: true}
  groups: !Command {container: c, user-id: 1000, supplementary-gids: [7, 8], run: "id -G"}
  stdout: !Supervise
    children:
      a: !Command {container: c, user-id: 1000, group-id: 2000, run: "echo out >/dev/stdout; echo err >/dev/stderr; echo again >>/proc/self/fd/1"}
`

// alone are the variables of an ordinary user who has no helper to map more ids
// than the own ones.
var alone = []string{"PATH=/nowhere"}

// outside is what ids of a container are outside: as root the same, else the
// caller's own for root, or for whoever the command runs as where nothing else
// can be mapped, and one of the caller's ranges.
func outside(t *testing.T, mine bool, uid, gid int) (int, int) {
	t.Helper()
	host := idmap.Lookup(os.Geteuid())
	switch {
	case os.Geteuid() == 0:
		return uid, gid
	case mine || uid == 0 && gid == 0 || host.None != nil:
		return os.Geteuid(), os.Getegid()
	}
	return int(host.UIDs[0].First) + uid - 1, int(host.GIDs[0].First) + gid - 1
}

func TestIDs(t *testing.T) { testIDs(t, nil) }

func TestOwnIDsOnly(t *testing.T) { testIDs(t, alone) }

func testIDs(t *testing.T, env []string) {
	t.Parallel()
	p := testkit.NewProject(t, ids)
	p.Env = env
	if err := os.Chmod(p.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := p.OK("root", "id -u; id -g; id -G; echo $HOME; umask; touch /work/root"); got != "0\n0\n0\n/root\n0022\n" {
		t.Errorf("root sees %q", got)
	}
	got := p.OK("user", "id -u; id -g; id -G; echo $HOME; touch /work/user")
	if want := "1000\n2000\n2000\n/home/user\n"; got != want && got != "1000\n2000\n2000 65534\n/home/user\n" {
		t.Errorf("the user sees %q, want %q", got, want)
	}
	for name, inside := range map[string][2]int{"root": {0, 0}, "user": {1000, 2000}} {
		var st syscall.Stat_t
		if err := syscall.Stat(p.Path(name), &st); err != nil {
			t.Fatal(err)
		}
		uid, gid := outside(t, env != nil, inside[0], inside[1])
		if int(st.Uid) != uid || int(st.Gid) != gid {
			t.Errorf("what %s makes belongs to %d:%d outside, want %d:%d", name, st.Uid, st.Gid, uid, gid)
		}
	}
	if got := p.OK("--output", "raw", "stdout"); got != "out\nagain\n" {
		t.Errorf("a command that opens its stdout again gives %q", got)
	}
}

func TestSupplementaryGroups(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, ids)
	if os.Geteuid() == 0 || idmap.Lookup(os.Geteuid()).None == nil {
		if got := p.OK("groups"); got != "0 7 8\n" {
			t.Errorf("groups are %q", got)
		}
	}
	if os.Geteuid() != 0 {
		p.Env = alone
		p.Fails(127, []string{"cannot start groups: supplementary-gids needs more ids in the container than yours: newuidmap is not installed"}, "groups")
	}
}

// TestExternalUserID: what the command makes is the caller's, whatever its id
// inside; a foreign id is refused, and so is one that the container does not have.
func TestExternalUserID(t *testing.T) {
	testkit.Require(t, testkit.User, testkit.IDs)
	t.Parallel()
	p := testkit.NewProject(t, fmt.Sprintf(`
containers:
  c: {rootfs: ROOT, uids: [0-100], gids: [0, 50-60]}
  huge: {rootfs: ROOT, uids: [0-4000000000]}
  own: {rootfs: ROOT, gids: [0]}
commands:
  mine: !Command {container: c, user-id: 33, external-user-id: %d, group-id: 55, run: "id -u; touch /work/mine; cat /proc/self/uid_map"}
  foreign: !Command {container: c, user-id: 33, external-user-id: 1, run: "true"}
  missing: !Command {container: c, user-id: 101, run: "true"}
  group: !Command {container: c, group-id: 7, run: "true"}
  groups: !Command {container: c, supplementary-gids: [50, 7], run: "true"}
  shut: !Command {container: own, supplementary-gids: [0], run: "true"}
  huge: !Command {container: huge, run: "true"}
`, os.Geteuid()))
	if err := os.Chmod(p.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	got := p.OK("mine")
	contains(t, "the command", got, "33\n", fmt.Sprintf("%10d %10d %10d\n", 33, os.Geteuid(), 1)) // user_namespaces(7)
	var st syscall.Stat_t
	if err := syscall.Stat(p.Path("mine"), &st); err != nil || int(st.Uid) != os.Geteuid() {
		t.Errorf("what it makes belongs to %d outside, want %d; %v", st.Uid, os.Geteuid(), err)
	}
	p.Fails(127, []string{"cannot start foreign: cannot map user ids: external id 1 is neither yours"}, "foreign")
	p.Fails(127, []string{"cannot start missing: cannot map user ids: id 101 is not among the container's ids [0-100]; add it to its uids\n"}, "missing")
	p.Fails(127, []string{"cannot start group: cannot map group ids: id 7 is not among the container's ids [0 50-60]; add it to its gids\n"}, "group")
	p.Fails(127, []string{"cannot start groups: cannot map group ids: id 7 is not among the container's ids [0 50-60]; add it to its gids\n"}, "groups")
	p.Fails(127, []string{"cannot start shut: supplementary-gids needs more groups in the container than yours: add another id to the gids of its container\n"}, "shut")
	p.Fails(127, []string{"cannot start huge: cannot map user ids: the container wants", "/etc/subuid"}, "huge")
	p.Env = alone
	p.Fails(127, []string{"cannot start mine: uids needs more ids in the container than yours: newuidmap is not installed"}, "mine")
}

// TestExternalUserIDAsRoot: it is said where the file wants something else than
// root gets. What uids and gids want is there.
func TestExternalUserIDAsRoot(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, uids: [0-10], gids: [0-10]}
commands:
  other: !Command {container: c, user-id: 33, external-user-id: 1000, run: "id -u"}
  same: !Command {container: c, user-id: 33, external-user-id: 33, run: "id -u"}
`)
	for command, want := range map[string]string{
		"other": "lanyard: warning: other: external-user-id 1000 has no effect as root, whose containers have the machine's own ids: user-id 33 is 33 outside\n",
		"same":  "",
	} {
		if r := p.Run(command); r.Code != 0 || r.Out != "33\n" || r.Err != want {
			t.Errorf("%s: %+v, want the message %q", command, r, want)
		}
	}
}

// TestChownInside: root of a container can give files to any id that is there,
// as packages do; with one id it can't, and the kernel says so.
func TestChownInside(t *testing.T) {
	testkit.Require(t, testkit.User, testkit.IDs)
	t.Parallel()
	p := testkit.NewProject(t, ids)
	const chown = "touch /tmp/a && chown 33:44 /tmp/a && stat -c %u:%g /tmp/a"
	if got := p.OK("root", chown); got != "33:44\n" {
		t.Errorf("the file belongs to %q", got)
	}
	p.Env = alone
	p.Fails(1, []string{"Invalid argument"}, "root", chown)
}

// TestCapabilities: Podman's default set exactly, for root only.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	const podman = 1<<0 | 1<<1 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<18 | 1<<31
	p := testkit.NewProject(t, ids)
	for command, want := range map[string][5]uint64{"root": {0, podman, podman, podman, 0}, "user": {0, 0, 0, podman, 0}} {
		got := p.OK(command, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status")
		lines := strings.Split(got, "\n")
		for i, name := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			field, value, _ := strings.Cut(lines[i], ":\t")
			if n, err := strconv.ParseUint(value, 16, 64); err != nil || field != name || n != want[i] {
				t.Errorf("%s: %s is %s, want %x", command, name, value, want[i])
			}
		}
		privs := "NoNewPrivs:\t0"
		if os.Geteuid() != 0 {
			privs = "NoNewPrivs:\t1"
		}
		contains(t, command, got, privs)
	}
	// What they forbid, from inside.
	got := p.OK("root", `mount -t tmpfs x /tmp 2>&1; mknod /tmp/n c 1 3 2>&1; chmod 700 /tmp && echo fowner`)
	contains(t, "root without SYS_ADMIN", got, "permission denied", "fowner")
}

// TestSetuidProgram: one of root's gives its power to another user in a container
// of root's, unless that is shut, and never in an ordinary user's. The program is
// lanyard, which starts nothing then and says so (host.ForeignPower).
func TestSetuidProgram(t *testing.T) {
	if os.Geteuid() != 0 {
		testkit.Require(t, testkit.IDs)
	}
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  h: {host: true}
commands:
  open: !Command {container: h, user-id: 1000, run: [/work/lanyard, --version]}
  shut: !Command {container: h, user-id: 1000, security: {no-new-privileges: true}, run: [/work/lanyard, --version]}
`)
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := p.Path("lanyard")
	if err := errors.Join(os.WriteFile(path, data, 0o755), os.Chmod(path, 0o755|os.ModeSetuid), os.Chmod(p.Dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		p.Fails(127, []string{"this program is uid 0, gid 0, and was started by uid 1000, gid 0"}, "open")
	} else {
		contains(t, "a user's", p.OK("open"), "lanyard")
	}
	contains(t, "one that gains nothing", p.OK("shut"), "lanyard")
}
