package doctor_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestUserNamespacesAreOff(t *testing.T) {
	pl := inUserNS(t, "write", "/proc/sys/user/max_user_namespaces", "0")
	pl.sameWords(1, "user-namespaces", host.No, "this machine allows no user namespaces (user.max_user_namespaces is 0)",
		"sudo sysctl -w user.max_user_namespaces=15000", "plain")
}

const rootOnly = "this machine forbids user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0)"

// TestUserNamespacesForRootOnly changes the machine, so nothing runs beside it.
func TestUserNamespacesForRootOnly(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Guest)
	const setting = "/proc/sys/kernel/unprivileged_userns_clone"
	before, err := os.ReadFile(setting)
	if err == nil {
		err = os.WriteFile(setting, []byte("0"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(setting, before, 0o644); err != nil {
			t.Error(err)
		}
	}()
	pl := newPlace(t, []string{"uid", ordinary})
	pl.machine = true
	pl.owned()
	pl.sameWords(1, "user-namespaces", host.No, rootOnly, "sudo sysctl -w kernel.unprivileged_userns_clone=1", "plain")
}

// TestUserNamespacesSeemForRootOnly has the setting made up and a filter refuse,
// for machines whose kernel is not Debian's.
func TestUserNamespacesSeemForRootOnly(t *testing.T) {
	pl := inUserNS(t, "tmpfs", "/proc/sys/kernel", "write", "/proc/sys/kernel/unprivileged_userns_clone", "0\n", "filter")
	pl.sameWords(1, "user-namespaces", host.No, rootOnly, "sudo sysctl -w kernel.unprivileged_userns_clone=1", "plain")
}

// TestAppArmor: as TestUserNamespacesSeemForRootOnly, for Ubuntu's kernels. Those of
// 23.10 refuse the namespace, later ones whatever is done in it. The root and /run are
// without the marks of a container that this machine may be.
func TestAppArmor(t *testing.T) {
	for _, refusal := range []string{"filter", "powerless"} {
		t.Run(refusal, func(t *testing.T) {
			pl := inUserNS(t, "root", "FILES/root", "tmpfs", "/run",
				"tmpfs", "/proc/sys/kernel", "write", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", refusal)
			pl.folder("root", 0o755)
			pl.sameWords(1, "user-namespaces", host.No,
				"AppArmor gives programs without a profile no power in their user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
				"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for lanyard with the rule 'userns,'", "plain")
		})
	}
}

func TestSeccomp(t *testing.T) {
	pl := inUserNS(t, "tmpfs", "/run", "write", "/run/.containerenv", "", "filter")
	pl.sameWords(1, "user-namespaces", host.No, "a seccomp filter forbids user namespaces in this container of Podman",
		"podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …", "plain")
}

// TestInsideAContainer has what a container has that is given nothing: the filter,
// masked files of /proc and read-only cgroups. Its root, without SYS_ADMIN, needs a
// user namespace like everybody. The setting of AppArmor is Ubuntu's, seen in there.
func TestInsideAContainer(t *testing.T) {
	const podman, docker = "/run/.containerenv", "/.dockerenv"
	for name, c := range map[string]struct {
		root              bool
		marker, kind, fix string
	}{
		"Podman":         {false, podman, "Podman", "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …"},
		"Podman as root": {true, podman, "Podman", "podman run --privileged …"},
		"Docker": {false, docker, "Docker",
			"docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …"},
		"Docker as root": {true, docker, "Docker", "docker run --privileged …"},
	} {
		t.Run(name, func(t *testing.T) {
			words := []string{"root", "FILES/root", "tmpfs", "/run", "write", c.marker, "", "bind", "/dev/null", "/proc/timer_list",
				"tmpfs", "/proc/sys/kernel", "write", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
				"attr", "ro", "/sys/fs/cgroup"}
			var pl *place
			if c.root {
				pl = onMachine(t, append(words, "dropcaps", "filter")...)
			} else {
				pl = inUserNS(t, append(words, "filter")...)
			}
			pl.folder("root", 0o755)
			if f := pl.doctor(1, "own-host"); f.Status != host.Partly || !strings.Contains(f.Why, "in a container of "+c.kind) || f.Fix != c.fix {
				t.Errorf("the container around is %+v", f)
			}
			if f := pl.doctor(1, "delegation"); f.Status != host.No || !strings.Contains(f.Why, "read-only file system") {
				t.Errorf("read-only cgroups are %+v", f)
			}
			for _, name := range []string{"namespaces", "proc", "overlay", "start"} {
				if f := pl.doctor(1, name); f.Status != host.No || f.Fix != c.fix {
					t.Errorf("%s is %+v", name, f)
				}
			}
			pl.sameWords(1, "user-namespaces", host.No, "a seccomp filter forbids user namespaces in this container of "+c.kind, c.fix, "plain")
		})
	}
}

// TestMaskedProc: a container that allows namespaces, but hides parts of /proc, or
// a unit with ProtectKernelTunables=.
func TestMaskedProc(t *testing.T) {
	for name, words := range map[string][]string{
		"masked":    {"bind", "/dev/null", "/proc/timer_list"},
		"read-only": {"bind", "/proc/sys", "/proc/sys", "attr", "ro", "/proc/sys"},
	} {
		t.Run(name, func(t *testing.T) {
			pl := inUserNS(t, words...)
			pl.sameWords(1, "proc", host.No, "parts of /proc are masked or read-only here, as in a container, so the kernel mounts no new one",
				"docker run --security-opt systempaths=unconfined …, podman run --security-opt unmask=ALL …, in a unit of systemd: ProtectKernelTunables=no and ProtectKernelLogs=no", "plain")
		})
	}
}

// TestNoMounts: a unit with a SystemCallFilter= that leaves out @mount, with and
// without SystemCallErrorNumber=EPERM, as a user and as root.
func TestNoMounts(t *testing.T) {
	const why, fix = "a seccomp filter or a security module forbids mounts, of which containers are made", "in a unit of systemd: an empty SystemCallFilter=; in a container of Docker: docker run "
	bare := []string{"root", "FILES/root", "tmpfs", "/run"} // without the marks of a container that this machine may be
	for _, action := range []string{"kill", "errno"} {
		t.Run("user/"+action, func(t *testing.T) {
			pl := inUserNS(t, append(bare, "nomounts", action)...)
			pl.folder("root", 0o755)
			pl.sameWords(1, "namespaces", host.No, why, fix+"--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …", "plain")
			for _, name := range []string{"proc", "overlay", "idmapped-mounts"} {
				if f := pl.doctor(1, name); f.Status != host.No || f.Why != "could not be tried, for want of mounts" || !strings.HasPrefix(f.Fix, fix) {
					t.Errorf("%s is %+v", name, f)
				}
			}
		})
		t.Run("root/"+action, func(t *testing.T) {
			pl := onMachine(t, append(bare, "nomounts", action)...)
			pl.folder("root", 0o755)
			pl.sameWords(1, "namespaces", host.No, why, fix+"--privileged …", "plain")
		})
	}
}

func TestRootWithoutPower(t *testing.T) {
	testkit.Require(t, testkit.Root)
	pl := onMachine(t, "root", "FILES/root", "tmpfs", "/run", "filter") // without the marks of a container that this machine may be
	pl.folder("root", 0o755)
	pl.sameWords(1, "namespaces", host.No, "a seccomp filter or a security module forbids namespaces",
		"in a unit of systemd: RestrictNamespaces=no; in a container of Docker: docker run --privileged …", "plain")
}

// TestNoFuseOverlay: a layer over a system that has filesystems mounted in it.
func TestNoFuseOverlay(t *testing.T) {
	pl := inUserNS(t)
	pl.p.Env = []string{"PATH=/nowhere"}
	pl.sameWords(0, "fuse-overlayfs", host.Partly, "fuse-overlayfs, which lays layers over each other without the kernel, is not installed",
		"sudo apt-get install fuse-overlayfs (Debian, Ubuntu), sudo dnf install fuse-overlayfs (Fedora), sudo pacman -S fuse-overlayfs (Arch), sudo apk add fuse-overlayfs (Alpine), sudo zypper install fuse-overlayfs (openSUSE)", "layer")
}

func TestShutFuse(t *testing.T) {
	testkit.RequireTool(t, "fuse-overlayfs")
	pl := ordinaryUser(t, "300000:65536")
	pl.words = append([]string{"bind", "FILES/shut", "/dev/fuse"}, pl.words...)
	pl.file("shut", "", 0o600)
	pl.sameWords(0, "fuse-overlayfs", host.Partly, "/dev/fuse, which fuse-overlayfs needs, can't be opened: permission denied",
		"sudo chmod 666 /dev/fuse", "layer")
}

// TestNoCgroups: a chroot or a sandbox without /sys. Nothing of the library that
// looks for cgroups is said.
func TestNoCgroups(t *testing.T) {
	for name, in := range map[string]func(*testing.T, ...string) *place{"root": onMachine, "user": inUserNS} {
		t.Run(name, func(t *testing.T) {
			pl := in(t, "tmpfs", "/sys")
			const why, fix = "no cgroups are mounted", "sudo mount -t sysfs none /sys && sudo mount -t cgroup2 none /sys/fs/cgroup"
			for _, name := range []string{"cgroups", "delegation"} {
				pl.sameWords(0, name, host.No, why, fix, "limited")
			}
			pl.runs("plain")
		})
	}
}

// TestNothingDelegated: a user to whom nobody gave a cgroup, whatever the kind.
func TestNothingDelegated(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Limits)
	pl := onMachine(t, "uid", ordinary)
	pl.owned()
	f := pl.doctor(0, "delegation")
	if f.Status != host.No || !strings.HasPrefix(f.Why, "uid "+ordinary+" may not use this host's cgroups (") || f.Fix == "" {
		t.Errorf("nothing delegated is %+v", f)
	}
	pl.sameWords(0, "delegation", host.No, f.Why, f.Fix, "limited")
}

// TestAdviceOfSystemd is for machines that systemd runs.
func TestAdviceOfSystemd(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Limits)
	for name, words := range map[string][]string{"without": nil, "systemd": {"mkdir", "/run/systemd/system"}} {
		t.Run(name, func(t *testing.T) {
			pl := onMachine(t, append(append([]string{"tmpfs", "/run"}, words...), "uid", ordinary)...)
			pl.owned()
			f := pl.doctor(0, "delegation")
			advised := strings.Contains(f.Fix, "loginctl") || strings.Contains(f.Fix, "systemd")
			if f.Status != host.No || advised != (words != nil) || !strings.Contains(f.Fix, " or ") {
				t.Errorf("it says %+v", f)
			}
		})
	}
}

// TestRootOfAUserNamespaceUnderSystemd: as after unshare -Ur or in podman unshare, in
// a cgroup that is another's.
func TestRootOfAUserNamespaceUnderSystemd(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.CgroupV2, testkit.Systemd)
	t.Parallel()
	pl := newPlace(t, nil)
	pl.rooted = true
	pl.owned()
	pl.p.Env = []string{"PATH=/nowhere"} // newuidmap has no power in there
	pl.sameWords(0, "delegation", host.No, ", and there is no systemd of this user's to ask for one (root of a user namespace is nobody to systemd)",
		"run lanyard outside of the user namespace", "limited")
}

// TestReadOnlyCgroups: also for users, who lack the permission besides, and whose
// systemd, if they have one, makes a scope that nothing can be made in from here.
func TestReadOnlyCgroups(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Limits)
	run := []string{"tmpfs", "/run"}
	user := []string{"uid", ordinary}
	manager := []string{"mkdir", "/run/systemd/system", "mkdir", "/run/user/" + ordinary + "/systemd", "write", "/run/user/" + ordinary + "/systemd/private", "",
		"chmod", "666", "/run/user/" + ordinary + "/systemd/private"}
	for name, words := range map[string][]string{
		"root": nil, "user": slices.Concat(run, user), "user with systemd": slices.Concat(run, manager, user),
	} {
		t.Run(name, func(t *testing.T) {
			pl := onMachine(t, append([]string{"attr", "ro", "/sys/fs/cgroup"}, words...)...)
			if words != nil {
				pl.owned()
			}
			f := pl.doctor(0, "delegation")
			if f.Status != host.No || !strings.Contains(f.Why, "read-only file system") || !strings.HasPrefix(f.Fix, "sudo mount -o remount,rw /sys/fs/cgroup") {
				t.Errorf("read-only cgroups are %+v", f)
			}
			pl.sameWords(0, "delegation", host.No, f.Why, f.Fix, "limited")
			if code, out, errs := pl.lanyard("plain"); code != 0 || out != "ran\n" {
				t.Errorf("without limits: %d\n%s%s", code, out, errs)
			}
		})
	}
}
