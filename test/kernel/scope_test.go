package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// limited is a group of one child with the given name and limits of all the
// controllers that users get.
func limited(name string) string {
	return fmt.Sprintf(`
  app: !Supervise
    children:
      %s: !Command {container: h, limits: {memory: 64MiB, pids: 50, cpus: 0.5}, run: "touch ready; exec sleep 1000"}
  soft: !Command {container: h, limits: {memory: 64MiB}, limits-mode: best-effort, run: [echo, ran]}
`, name)
}

// groupOf waits for the cgroup of a child's command and checks that its limits
// stand on the folder above it.
func groupOf(t *testing.T, child string) (folder string) {
	t.Helper()
	until(t, 30*time.Second, "the command's cgroup", func() bool {
		for _, path := range testkit.CgroupFolders("lanyard-*/" + child + "/command") {
			if data, _ := os.ReadFile(path + "/cgroup.procs"); len(data) > 0 {
				folder = path
			}
		}
		return folder != ""
	})
	for file, want := range map[string]string{"memory.max": "67108864", "pids.max": "50", "cpu.max": "50000 100000", "memory.oom.group": "1"} {
		if data, err := os.ReadFile(filepath.Join(filepath.Dir(folder), file)); err != nil || strings.TrimSpace(string(data)) != want {
			t.Errorf("%s is %q, %v; want %s", file, data, err, want)
		}
	}
	return folder
}

// TestScope: where systemd runs the groups are in a scope of the run's own, and
// it goes with the run, however that ends.
func TestScope(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	for name, end := range map[string]func(*running){
		"order": func(r *running) { r.signal(syscall.SIGTERM) },
		"kill":  func(r *running) { r.signal(syscall.SIGKILL) },
		"both":  func(r *running) { r.killJanitor(); r.signal(syscall.SIGKILL) },
		"system": func(r *running) {
			kill(r.t, r.named("lanyard-janitor")[0].PID, syscall.SIGTERM)
			r.signal(syscall.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) { // not parallel, as TestKillBoth
			child := "scoped-" + name
			p := newProject(t, limited(child))
			r := p.start(nil, "app")
			r.appear("ready")
			folder := groupOf(t, child)
			scope := filepath.Dir(filepath.Dir(filepath.Dir(folder)))
			if run := filepath.Base(filepath.Dir(filepath.Dir(folder))); filepath.Base(scope) != run+".scope" {
				t.Errorf("the command is in %s, which is not in a scope of the same name", folder)
			}
			slice := map[bool]string{true: "system.slice", false: "app.slice"}[os.Geteuid() == 0]
			if filepath.Base(filepath.Dir(scope)) != slice {
				t.Errorf("the scope is %s, want it in %s", scope, slice)
			}
			end(r)
			r.wait(20 * time.Second)
			until(t, 10*time.Second, "the end of the scope", func() bool {
				_, err := os.Stat(scope)
				return os.IsNotExist(err)
			})
			if name == "both" {
				p.start(r.sameFolder, "soft").want(0, 20*time.Second) // it sweeps the run folder
			}
			r.nothingLeft()
		})
	}
}

// TestOOMOfOneChild: it ends as a whole, and nothing but lanyard ends its
// sibling, which systemd would do with a scope that is not told otherwise.
func TestOOMOfOneChild(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Limits)
	t.Parallel()
	r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    kill-unresponsive-after: 60
    children:
      hog: !Command {container: h, limits: {memory: 16MiB, swap: 0}, run: "while ! test -e ready; do sleep 0.01; done; tail /dev/zero; touch survived"}
      other: !Command {container: h, limits: {memory: 64MiB}, run: "trap 'touch done; exit 0' TERM; touch ready; while :; do sleep 0.05; done"}
`).start(nil, "app")
	r.want(137, 30*time.Second)
	r.says("hog was killed by the kernel: out of memory")
	r.appearedOnly("done", "survived")
}

// appearedOnly checks that the first file is there and the second is not.
func (r *running) appearedOnly(there, missing string) {
	r.t.Helper()
	if _, err := os.Stat(r.path(there)); err != nil {
		r.t.Error(err)
	}
	if _, err := os.Stat(r.path(missing)); err == nil {
		r.t.Errorf("the file %s is there", missing)
	}
}

// inUnit runs app in a unit with Delegate=yes of this user's manager, until stop, and
// gives the cgroup of the child of that name, which has to be in the unit's.
func (p *project) inUnit(unit, child string, properties ...string) (folder string, stop func()) {
	p.t.Helper()
	args := []string{manager(), "--collect", "--unit=" + unit, "-p", "Delegate=yes", "-p", "WorkingDirectory=" + p.dir}
	for _, property := range properties {
		args = append(args, "-p", property)
	}
	args = append(args, "bash", "-c", `exec -a lanyard "$0" "$@"`, p.path(helperName), "app")
	out, err := exec.Command(testkit.RequireTool(p.t, "systemd-run"), args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
	stop = sync.OnceFunc(func() {
		if said := systemctl(p.t, "stop", unit); said != "" {
			p.t.Errorf("stop: %s", said)
		}
	})
	p.t.Cleanup(stop)
	if folder = groupOf(p.t, child); !strings.Contains(folder, "/"+unit+"/lanyard-") {
		p.t.Errorf("the command is in %s, not in %s", folder, unit)
	}
	return folder, stop
}

// TestUnitWithDelegate: the cgroup of a unit with Delegate=yes is used itself, the
// machine's as a user's, so that what is set for the unit holds for all of it.
func TestUnitWithDelegate(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	t.Parallel()
	unit := fmt.Sprintf("lanyard-test-%d.service", os.Getpid())
	folder, stop := newProject(t, limited("unit")).inUnit(unit, "unit")
	leaf := strings.SplitAfter(folder, unit)[0] + "/lanyard-init/cgroup.procs"
	if data, err := os.ReadFile(leaf); err != nil || len(strings.Fields(string(data))) < 3 {
		t.Errorf("supervisor, janitor and stage are not in the leaf: %q, %v", data, err)
	}
	stop()
	until(t, 10*time.Second, "the end of the unit", func() bool { return len(testkit.CgroupFolders(unit)) == 0 })
}

// TestUnitOfTwoCommands: lanyard in ExecStartPre= leaves the unit's cgroup as it is,
// because ExecStart= has to find a place in it.
func TestUnitOfTwoCommands(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	t.Parallel()
	p := newProject(t, limited("two")+`  pre: !Command {container: h, limits: {memory: 64MiB}, run: "touch pre"}
`)
	p.inUnit(fmt.Sprintf("lanyard-test-two-%d.service", os.Getpid()), "two", fmt.Sprintf("ExecStartPre=/bin/bash -c 'exec -a lanyard %s pre'", p.path(helperName)))
	if _, err := os.Stat(p.path("pre")); err != nil {
		t.Error(err)
	}
}

// TestUserInForeignCgroup: an ordinary user in a cgroup that is not his, as in a
// session, has a scope of his systemd; where he has none he is told what to do.
func TestUserInForeignCgroup(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Guest, testkit.CgroupV2, testkit.Systemd)
	who, err := user.Lookup("tester") // of the guest
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	p := newProject(t, limited("session"))
	as := func(cmd *exec.Cmd) {
		runtime := strings.TrimPrefix(cmd.Env[len(cmd.Env)-1], "XDG_RUNTIME_DIR=")
		for _, dir := range []string{p.dir, runtime} {
			for _, err := range []error{os.Chown(dir, uid, uid), os.Chmod(filepath.Dir(dir), 0o755)} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	loginctl := func(verb string) {
		if out, err := exec.Command("loginctl", verb, who.Username).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	socket := "/run/user/" + who.Uid + "/systemd/private"
	if _, err := os.Stat(socket); err == nil {
		t.Fatalf("%s is there before the test", socket)
	}
	r := p.start(as, "app")
	if code := r.wait(20 * time.Second); code != 127 {
		t.Errorf("without a systemd: exit code %d\n%s", code, r.log())
	}
	r.says("session could not be started: cannot limit memory, cpu, pids: uid "+who.Uid+" may not use this host's cgroups (write to ", "sudo loginctl enable-linger "+who.Uid)
	r = p.start(as, "soft")
	if code := r.wait(20 * time.Second); code != 0 || !strings.Contains(r.errors(), "it runs without its limits on memory") {
		t.Errorf("best effort: exit code %d\n%s", code, r.log())
	}

	loginctl("enable-linger")
	defer loginctl("disable-linger")
	until(t, time.Minute, "the user's systemd", func() bool { _, err := os.Stat(socket); return err == nil })
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = os.Remove(p.path("ready"))
		r = p.start(as, "app")
		r.appear("ready")
		folder := groupOf(t, "session")
		scope := filepath.Dir(filepath.Dir(filepath.Dir(folder)))
		if !strings.Contains(scope, "/user@"+who.Uid+".service/app.slice/lanyard-") {
			t.Errorf("the command is in %s", folder)
		}
		// From outside the user may not be moved into it, so the supervisor is there too.
		data, err := os.ReadFile(scope + "/lanyard-init/cgroup.procs")
		if err != nil || !strings.Contains("\n"+string(data), fmt.Sprintf("\n%d\n", r.cmd.Process.Pid)) {
			t.Errorf("the supervisor %d is not in the scope's leaf, but %q, %v", r.cmd.Process.Pid, data, err)
		}
		r.signal(sig)
		r.wait(20 * time.Second)
		until(t, 10*time.Second, "the end of the scope", func() bool { _, err := os.Stat(scope); return os.IsNotExist(err) })
		r.nothingLeft()
	}
	superviseInScope(t, p, as)
}

// superviseInScope: also the container that lanyard supervise clones first of all is
// in the scope that the supervisor joins later.
func superviseInScope(t *testing.T, p *project, as func(*exec.Cmd)) {
	dir := p.path("service")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.write("service/agent.json", `{"env": {"PATH": "/bin"}, "restart": "no", "resources": {"mem": 64}}`)
	testkit.MakeRoot(t, dir+"/rootfs")
	r := p.start(func(cmd *exec.Cmd) {
		as(cmd)
		if err := os.Chown(dir, int(cmd.SysProcAttr.Credential.Uid), -1); err != nil {
			t.Fatal(err)
		}
		cmd.Dir = dir
	}, "supervise", "--hostname", "h", "--ID", "session", "--", "sh", "-c", "exit 7")
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return strings.Contains(r.errors(), "session exited with status 7") }) {
		t.Fatalf("the command has not ended:\n%s", r.log())
	}
	r.signal(syscall.SIGTERM)
	if code := r.wait(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, r.log())
	}
	r.nothingLeft()
}
