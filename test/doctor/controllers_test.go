package doctor_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// advised carries out the command that a fix begins with.
func advised(t *testing.T, fix string) {
	t.Helper()
	command, _, _ := strings.Cut(fix, ", then ")
	line, found := strings.CutPrefix(command, "sudo ")
	if !found {
		line = strings.ReplaceAll(command, "| sudo ", "| ")
	}
	if out, err := exec.Command("sh", "-ec", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// TestFewControllers: a cgroup that was delegated by hand, without all controllers
// of the limits.
func TestFewControllers(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.CgroupV2, testkit.Limits)
	above := fmt.Sprintf("/sys/fs/cgroup/lanyard-test-few-%d", os.Getpid())
	own := above + "/own"
	leaf := own + "/lanyard-init"                                        // where the first one moves, and puts others after it
	pl := onMachine(t, "tmpfs", "/run", "cgroup", leaf, "uid", ordinary) // hides systemd
	pl.owned()
	t.Cleanup(func() {
		for _, folder := range []string{leaf, own, above} {
			if err := os.Remove(folder); err != nil {
				t.Error(err)
			}
		}
	})
	pl.must(os.MkdirAll(leaf, 0o755))
	pl.must(os.WriteFile(above+"/cgroup.subtree_control", []byte("+pids +memory"), 0))
	for _, path := range []string{own, own + "/cgroup.procs", own + "/cgroup.subtree_control", leaf, leaf + "/cgroup.procs"} {
		pl.must(os.Chown(path, 54399, 54399))
	}
	const works = "groups can be made in our own cgroup "
	why := "the cgroup " + own + " has no cpu controller, only: memory, pids"
	fix := "echo +cpu +io | sudo tee " + above + "/cgroup.subtree_control"
	if f := pl.doctor(0, "delegation"); f.Why != works+own+", but without limits on cpu: "+why {
		t.Errorf("it says %+v", f)
	}
	pl.sameWords(0, "delegation", host.Partly, why, fix, "cpus")
	pl.runs("limited")
	advised(t, fix)
	if f := pl.doctor(0, "delegation"); f.Status != host.Yes || f.Why != "limits and counts work: "+works+own || f.Fix != "" {
		t.Errorf("once it has them it is %+v", f)
	}
	pl.runs("cpus")
	for _, folder := range []string{own, above} {
		pl.must(os.WriteFile(folder+"/cgroup.subtree_control", []byte("-cpu -memory -pids"), 0))
	}
	if f := pl.doctor(0, "delegation"); f.Status != host.No || !strings.HasSuffix(f.Why, own+" has no cpu or memory or pids controller, only: io") {
		t.Errorf("without any it is %+v", f)
	}
}

// TestFewControllersOfSystemd: a user's systemd has what the machine's gives it,
// memory and pids only if it is an older one. The fix is carried out.
func TestFewControllersOfSystemd(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Guest, testkit.CgroupV2, testkit.Systemd)
	who, err := user.Lookup("tester") // of the guest
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	service := "user@" + who.Uid + ".service"
	manager := "/sys/fs/cgroup/user.slice/user-" + who.Uid + ".slice/" + service
	const unit, fixed = "/run/systemd/system/user@.service.d", "/etc/systemd/system/user@.service.d/delegate.conf"
	defer func() {
		for _, path := range []string{unit, fixed} {
			if err := os.RemoveAll(path); err != nil {
				t.Error(err)
			}
		}
		run("systemctl", "daemon-reload")
		run("systemctl", "stop", service)
	}()
	pl := newPlace(t, []string{"uid", who.Uid})
	pl.machine = true
	pl.ownedBy(who.Uid)
	pl.must(os.MkdirAll(unit, 0o755))
	pl.must(os.WriteFile(filepath.Join(unit, "00-few.conf"), []byte("[Service]\nDelegate=\nDelegate=memory pids\n"), 0o644))
	run("systemctl", "daemon-reload")
	run("systemctl", "start", service)

	fix := `sudo sh -c 'mkdir -p /etc/systemd/system/user@.service.d && printf "[Service]\nDelegate=cpu cpuset io memory pids\n" >` + fixed + ` && systemctl daemon-reload'` +
		", then sudo systemctl restart " + service + ", which ends all that it runs"
	why := "the cgroup " + manager + " has no cpu controller, only: memory, pids"
	pl.sameWords(0, "delegation", host.Partly, why, fix, "cpus")

	advised(t, fix)
	run("systemctl", "restart", service)
	if f := pl.doctor(0, "delegation"); f.Status != host.Yes || f.Why != "limits and counts work: groups can be made in a scope of systemd's" {
		t.Errorf("once the fix is carried out it is %+v", f)
	}
	pl.runs("cpus")
}

// TestNoIOForUsers: their systemd has none, which is no fault until somebody wants
// it.
func TestNoIOForUsers(t *testing.T) {
	testkit.Require(t, testkit.User, testkit.Guest, testkit.CgroupV2, testkit.Systemd, testkit.Limits)
	t.Parallel()
	place := cgroup.FindPlace()
	_, o := place.Lacks("io")
	if o == nil {
		t.Fatal("nobody has given this user's systemd io, and it is not missed")
	}
	p := testkit.NewProject(t, yaml)
	if r := p.Run("_doctor"); r.Code != 0 || !strings.Contains(r.Out, "limits and counts work: groups can be made in "+place.String()+". Not with io-weight, as is usual for users: "+o.Why+"\n") {
		t.Errorf("_doctor: %+v\nwant %s", r, o.Why)
	}
	p.Fails(127, []string{"cannot limit io: " + o.Error()}, "weighed")
}

// TestNoSwapCounted: a folder without files stands for the memory hierarchy of a
// kernel that counts no swap, and for that of one without a limit of memory. Neither
// takes the limit of processes along.
func TestNoSwapCounted(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.CgroupV1, testkit.Limits)
	pl := onMachine(t, "tmpfs", "/sys/fs/cgroup/memory")
	const why = "this kernel counts no swap (no memory.memsw.limit_in_bytes)"
	const fix = "swapaccount=1 on the kernel's command line"
	pl.sameWords(0, "delegation", host.Partly, why, fix, "swap")
	code, out, errs := pl.lanyard("swap-softly")
	want := "lanyard: warning: swap-softly: it runs without its limits on swap: " + why + "; fix: " + fix + "\n" +
		"lanyard: warning: swap-softly: it runs without its limits on memory: this kernel's cgroups have no memory.limit_in_bytes\n"
	if code != 2 || !strings.HasPrefix(errs, want) || !strings.Contains(errs, "can't fork") {
		t.Errorf("best effort: exit code %d\n%s%s\nwant %s", code, out, errs, want)
	}
}
