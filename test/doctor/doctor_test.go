package doctor_test

import (
	"fmt"
	"os"
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
// 23.10 refuse the namespace, later ones whatever is done in it.
func TestAppArmor(t *testing.T) {
	for _, refusal := range []string{"filter", "powerless"} {
		t.Run(refusal, func(t *testing.T) {
			pl := inUserNS(t, "tmpfs", "/proc/sys/kernel", "write", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", refusal)
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

// TestInsideAContainer has what a container has that is given nothing: the
// filter, masked files of /proc and read-only cgroups.
func TestInsideAContainer(t *testing.T) {
	pl := inUserNS(t, "tmpfs", "/run", "write", "/run/.containerenv", "", "bind", "/dev/null", "/proc/timer_list",
		"attr", "ro", "/sys/fs/cgroup", "filter")
	fix := "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …"
	if f := pl.doctor(1, "own-host"); f.Status != host.Partly || !strings.Contains(f.Why, "in a container of Podman") || f.Fix != fix {
		t.Errorf("the container around is %+v", f)
	}
	if f := pl.doctor(1, "delegation"); f.Status != host.No {
		t.Errorf("read-only cgroups are %+v", f)
	}
	for _, name := range []string{"namespaces", "proc", "overlay", "start"} {
		if f := pl.doctor(1, name); f.Status != host.No || f.Fix != fix {
			t.Errorf("%s is %+v", name, f)
		}
	}
	pl.sameWords(1, "user-namespaces", host.No, "a seccomp filter forbids user namespaces in this container of Podman", fix, "plain")
}

// TestMaskedProc: a container that allows namespaces, but hides parts of /proc.
func TestMaskedProc(t *testing.T) {
	pl := inUserNS(t, "bind", "/dev/null", "/proc/timer_list")
	pl.sameWords(1, "proc", host.No, "parts of /proc are masked here, as in a container, so the kernel mounts no new one",
		"docker run --security-opt systempaths=unconfined …, podman run --security-opt unmask=ALL …", "plain")
}

func TestRootWithoutPower(t *testing.T) {
	testkit.Require(t, testkit.Root)
	pl := onMachine(t, "filter")
	f := pl.doctor(1, "namespaces")
	if f.Status != host.No || !strings.HasPrefix(f.Why, "a seccomp filter or a security module forbids namespaces") {
		t.Errorf("namespaces are %+v", f)
	}
	pl.sameWords(1, "namespaces", host.No, f.Why, f.Fix, "plain")
}

func TestNoSubIDs(t *testing.T) {
	testkit.RequireTool(t, "newuidmap")
	pl := inUserNS(t, "bind", "FILES/other", "/etc/subuid", "bind", "FILES/other", "/etc/subgid", "bind", "FILES/passwd", "/etc/passwd")
	pl.file("other", "somebody:100000:65536\n", 0o644)
	pl.file("passwd", "jo:x:4242:4242::/:/bin/sh\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, "/etc/subuid and /etc/subgid have no line for jo",
		"sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 jo", "groups")
}

func TestNoHelper(t *testing.T) {
	pl := inUserNS(t)
	pl.p.Env = []string{"PATH=/nowhere"}
	pl.sameWords(0, "id-ranges", host.Partly, "newuidmap is not installed",
		"sudo apt-get install uidmap (Debian, Ubuntu), sudo dnf install shadow-utils (Fedora), sudo pacman -S shadow (Arch), sudo apk add shadow-uidmap (Alpine), sudo zypper install shadow (openSUSE)", "groups")
}

// TestNoFuseOverlay: a layer over a system that has filesystems mounted in it.
func TestNoFuseOverlay(t *testing.T) {
	pl := inUserNS(t)
	pl.p.Env = []string{"PATH=/nowhere"}
	pl.sameWords(0, "fuse-overlayfs", host.Partly, "fuse-overlayfs, which lays layers over each other without the kernel, is not installed",
		"sudo apt-get install fuse-overlayfs", "layer")
}

func TestShutFuse(t *testing.T) {
	testkit.RequireTool(t, "fuse-overlayfs")
	pl := ordinaryUser(t, "300000:65536")
	pl.words = append([]string{"bind", "FILES/shut", "/dev/fuse"}, pl.words...)
	pl.file("shut", "", 0o600)
	pl.sameWords(0, "fuse-overlayfs", host.Partly, "/dev/fuse, which fuse-overlayfs needs, can't be opened: permission denied",
		"sudo chmod 666 /dev/fuse", "layer")
}

// ordinaryUser is a place of root's for an ordinary user of its own with lines in
// /etc/subuid and /etc/subgid.
func ordinaryUser(t *testing.T, ids string) *place {
	t.Helper()
	testkit.Require(t, testkit.Root)
	testkit.RequireTool(t, "newuidmap")
	pl := onMachine(t, "bind", "FILES/ids", "/etc/subuid", "bind", "FILES/ids", "/etc/subgid", "bind", "FILES/passwd", "/etc/passwd", "uid", ordinary)
	pl.file("ids", "jo:"+ids+"\n", 0o644)
	pl.file("passwd", "root:x:0:0::/:/bin/sh\njo:x:"+ordinary+":"+ordinary+"::/:/bin/sh\n", 0o644)
	pl.owned()
	return pl
}

func TestSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	if f := pl.doctor(0, "id-ranges"); f.Status != host.Yes || !strings.Contains(f.Why, "300000-365535") {
		t.Errorf("a whole range is %+v", f)
	}
}

// TestNamelessUser: newuidmap refuses whoever has no name, also if /etc/subuid has
// a line for the number.
func TestNamelessUser(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	pl.file("ids", ordinary+":300000:65536\n", 0o644)
	pl.file("passwd", "root:x:0:0::/:/bin/sh\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, "uid "+ordinary+" has no name, and newuidmap maps ids for users with a name only",
		"sudo useradd --uid "+ordinary+" user"+ordinary, "groups")
	pl.runs("plain")
}

// TestNumberInSubIDs: a line for the number is as good as one for the name.
func TestNumberInSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	pl.file("ids", ordinary+":300000:65536\n", 0o644)
	if f := pl.doctor(0, "id-ranges"); f.Status != host.Yes || !strings.Contains(f.Why, "300000-365535") {
		t.Errorf("a line for the number is %+v", f)
	}
	pl.runs("groups")
}

// TestOtherGroup: newgidmap refuses whoever has changed his group, as with newgrp.
func TestOtherGroup(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	pl.file("passwd", "root:x:0:0::/:/bin/sh\njo:x:"+ordinary+":100::/:/bin/sh\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, "your group is "+ordinary+", and newgidmap wants 100, which jo has in /etc/passwd", "newgrp -", "groups")
	pl.runs("plain")
}

func TestFewSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:10")
	pl.sameWords(0, "id-ranges", host.Partly,
		"/etc/subuid gives jo 10 ids and /etc/subgid gives jo 10 ids, and a container's 0 to 65535 take 65535 more than your own",
		"sudo usermod --add-subuids 300010-365545 --add-subgids 300010-365545 jo", "high")
}

func TestHelperWithoutSetuid(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	for _, name := range []string{"newuidmap", "newgidmap"} {
		data, err := os.ReadFile(testkit.RequireTool(t, name))
		if err != nil {
			t.Fatal(err)
		}
		pl.file(name, string(data), 0o755)
	}
	pl.p.Env = []string{"PATH=" + pl.files}
	pl.sameWords(1, "id-ranges", host.No,
		fmt.Sprintf("%[1]s/newuidmap and %[1]s/newgidmap: no setuid bit and no file capabilities (capabilities(7))", pl.files),
		fmt.Sprintf("sudo chmod u+s %[1]s/newuidmap %[1]s/newgidmap", pl.files), "plain")
}

// TestHelperInAUserNamespace: whose root is not in it can give no power there.
func TestHelperInAUserNamespace(t *testing.T) {
	path := testkit.RequireTool(t, "newuidmap")
	pl := inUserNS(t, "bind", "FILES/ids", "/etc/subuid", "bind", "FILES/ids", "/etc/subgid", "bind", "FILES/passwd", "/etc/passwd")
	pl.file("ids", "4242:100000:65536\n", 0o644)
	pl.file("passwd", "jo:x:4242:4242::/:/bin/sh\n", 0o644)
	pl.sameWords(1, "id-ranges", host.No, path+" is not root's here, as in a user namespace without that root, so it has no power",
		"run lanyard outside of the user namespace around it", "plain")
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

func TestReadOnlyCgroups(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Limits)
	pl := onMachine(t, "attr", "ro", "/sys/fs/cgroup")
	f := pl.doctor(0, "delegation")
	if f.Status != host.No || !strings.Contains(f.Why, "read-only file system") || f.Fix == "" {
		t.Errorf("read-only cgroups are %+v", f)
	}
	pl.sameWords(0, "delegation", host.No, f.Why, f.Fix, "limited")
	if code, out, errs := pl.lanyard("plain"); code != 0 || out != "ran\n" {
		t.Errorf("without limits: %d\n%s%s", code, out, errs)
	}
}

func TestNoRuntimeDir(t *testing.T) {
	pl := inUserNS(t)
	pl.p.Env = []string{"XDG_RUNTIME_DIR="}
	f := pl.doctor(0, "run-folder")
	if f.Status != host.Partly || !strings.HasPrefix(f.Why, "XDG_RUNTIME_DIR is not set") || !strings.Contains(f.Why, "/tmp/lanyard-4242") ||
		f.Fix != "sudo loginctl enable-linger 4242 && export XDG_RUNTIME_DIR=/run/user/4242" {
		t.Errorf("without XDG_RUNTIME_DIR: %+v", f)
	}
	if code, out, errs := pl.lanyard("plain"); code != 0 || out != "ran\n" {
		t.Errorf("a start that needs no run folder: %d\n%s%s", code, out, errs)
	}
}

// TestForeignRuntimeDir: su and sudo keep the variable of somebody else.
func TestForeignRuntimeDir(t *testing.T) {
	pl := inUserNS(t, "tmpfs", "/run", "write", "/run/file", "", "attr", "ro", "/run")
	pl.p.Env = []string{"XDG_RUNTIME_DIR=/run/user/0"}
	pl.sameWords(0, "run-folder", host.No, "/run/user/0/lanyard can't be made: read-only file system",
		"export XDG_RUNTIME_DIR=/run/user/$(id -u), or another folder of yours", "kept")
}

func TestNoExecProject(t *testing.T) {
	pl := inUserNS(t, "bind", "DIR", "DIR", "attr", "noexec", "DIR")
	pl.sameWords(0, "project-folder", host.Partly, "the project folder is on a filesystem mounted noexec, so no program in it can be executed",
		"sudo mount -o remount,exec $(findmnt -no TARGET -T .)", "script")
}

func TestNoSuidProject(t *testing.T) {
	pl := inUserNS(t, "bind", "DIR", "DIR", "attr", "nosuid", "DIR")
	f := pl.doctor(0, "project-folder")
	if f.Status != host.Partly || !strings.Contains(f.Why, "mounted nosuid") || f.Fix != "sudo mount -o remount,suid $(findmnt -no TARGET -T .)" {
		t.Errorf("a nosuid project is %+v", f)
	}
	if code, out, errs := pl.lanyard("script"); code != 0 || out != "ran\n" {
		t.Errorf("a program in it: %d\n%s%s", code, out, errs)
	}
}
