package run_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

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

func TestIDs(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, ids)
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
		uid, gid := inside[0], inside[1]
		if os.Geteuid() != 0 {
			uid, gid = os.Geteuid(), os.Getegid()
		}
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
	if os.Geteuid() != 0 {
		p.Fails(127, []string{"cannot start groups: supplementary-gids", "newgidmap", "/etc/subgid"}, "groups")
		return
	}
	if got := p.OK("groups"); got != "0 7 8\n" {
		t.Errorf("groups are %q", got)
	}
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
