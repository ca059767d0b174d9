package run_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const limits = `
containers:
  c: {rootfs: ROOT}
  soft: {rootfs: ROOT, limits-mode: best-effort}
commands:
  memory: !Command {container: c, limits: {memory: 16MiB}, run: "dd if=/dev/zero of=/dev/null bs=64M count=1"}
  swap: !Command {container: c, limits: {memory: 16MiB, swap: 0}, run: [dd, if=/dev/zero, of=/dev/null, bs=64M, count=1]}
  some-swap: !Command {container: c, limits: {memory: 16MiB, swap: 8MiB}, run: "touch /work/ready; sleep 1000"}
  memory-group: !Supervise
    children:
      hog: !Command {container: c, limits: {memory: 16MiB}, run: [dd, if=/dev/zero, of=/dev/null, bs=64M, count=1]}
      other: !Command {container: c, run: [sleep, "1000"]}
  pids: !Command
    container: c
    limits: {pids: 20}
    run: "i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done 2>/work/errors"
  cpus: !Command {container: c, limits: {cpus: 0.25}, run: "cat /proc/self/cgroup >/work/inside; touch /work/ready; sleep 1000"}
  weight: !Command {container: c, limits: {io-weight: 5000}, run: "touch /work/ready; sleep 1000"}
  weight-soft: !Command {container: soft, limits: {io-weight: 5000}, run: "echo ran"}
  hog-soft: !Command {container: soft, limits: {memory: 16MiB, io-weight: 5000}, run: [dd, if=/dev/zero, of=/dev/null, bs=64M, count=1]}
  nofile: !Command {container: c, limits: {nofile: 77}, run: "ulimit -Sn; ulimit -Hn"}
  manyfiles: !Command {container: c, limits: {nofile: 2147483584}, run: "ulimit -Hn"}
  manyfiles-soft: !Command {container: soft, limits: {nofile: 2147483584}, run: "ulimit -Hn"}
  soft: !Command {container: soft, limits: {memory: 64MiB, pids: 30}, run: "echo ran"}
  strict: !Command {container: c, limits: {memory: 64MiB, pids: 30}, run: "echo ran"}
`

func TestMemoryLimit(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := testkit.NewProject(t, limits)
	p.Fails(137, nil, "memory") // the shell's child dies, and the shell tells its status
	p.Fails(137, []string{"swap was killed by the kernel: out of memory (its limit is 16 MiB)"}, "swap")
	p.Fails(137, []string{"hog was killed by the kernel: out of memory (its limit is 16 MiB)", "exit status 137"}, "memory-group")
}

func TestPidsLimit(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := testkit.NewProject(t, limits)
	r := p.Run("pids")
	errors, err := os.ReadFile(p.Path("errors"))
	if err != nil || !strings.Contains(string(errors), "fork") {
		t.Errorf("the fork bomb meets %q, %v", errors, err)
	}
	if r.Code == 121 || strings.Contains(r.Err, "internal error") || strings.Contains(r.Err, "lost") {
		t.Errorf("the stage did not survive it: %s", r.Err)
	}
}

// TestCPULimit looks at the cgroup from outside, and at what is left of it.
func TestCPULimit(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := testkit.NewProject(t, limits)
	cmd, folder := limited(t, p, "cpus")
	inside, err := os.ReadFile(p.Path("inside"))
	if err != nil || strings.Contains(string(inside), "lanyard-") {
		t.Errorf("the command sees its cgroup's name: %s, %v", inside, err)
	}
	written(t, folder, map[string]string{"cpu.cfs_quota_us": "25000", "cpu.max": "25000 100000"})
	end(t, cmd)
	if _, err := os.Stat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", filepath.Dir(folder), err)
	}
}

// TestSwapLimit: v1 counts memory and swap together, v2 swap alone.
func TestSwapLimit(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	cmd, folder := limited(t, testkit.NewProject(t, limits), "some-swap")
	written(t, folder, map[string]string{"memory.memsw.limit_in_bytes": "25165824", "memory.swap.max": "8388608"})
	end(t, cmd)
}

// written checks the files of a cgroup, of which a kernel has one at least.
func written(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	found := false
	for name, want := range files {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			continue
		}
		found = true
		if got := strings.TrimPrefix(strings.TrimSpace(string(data)), "default "); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if !found {
		t.Errorf("%s has none of %v", folder, files)
	}
}

// end ends what limited has started.
func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// limited starts a command that touches ready, and gives the cgroup that limits
// it once it is there.
func limited(t *testing.T, p *testkit.Project, name string) (cmd *exec.Cmd, folder string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Slow(time.Minute))
	t.Cleanup(cancel)
	cmd = p.Command(ctx, name)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the command runs", func() bool { _, err := os.Stat(p.Path("ready")); return err == nil })
	// Not at the first look: the shell is being replaced by the next program.
	await(t, "a process of the command is in a cgroup of ours", func() bool {
		folder = limitFolder(t, p, name)
		return folder != ""
	})
	return cmd, folder
}

// TestIOWeight looks at the cgroup from outside; where the kernel has no weight
// for io, or gives the user none (see internal/cgroup TestIOWeight), at what is said.
func TestIOWeight(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := testkit.NewProject(t, limits)
	r := p.Run("weight-soft")
	if r.Code != 0 || r.Out != "ran\n" {
		t.Errorf("best effort: %+v", r)
	}
	if r.Err != "" {
		if testkit.IOWeight() {
			t.Fatalf("no weight, where one has to be: %s", r.Err)
		}
		why := "io: there is no weight in "
		place := cgroup.FindPlace()
		if _, few := place.Lacks("io"); few != nil {
			why = "io: " + few.Error()
		}
		if !strings.Contains(r.Err, "warning: weight-soft: it runs without its limits on "+why) {
			t.Errorf("best effort: %s", r.Err)
		}
		p.Fails(127, []string{"weight could not be started: cannot limit " + why, "set limits-mode: best-effort"}, "weight")
		return
	}
	cmd, folder := limited(t, p, "weight")
	written(t, folder, map[string]string{"io.weight": "5000", "io.bfq.weight": "545", "blkio.bfq.weight": "545"})
	end(t, cmd)
}

// TestBestEffortKeepsTheOthers: a limit that can't be enforced takes none of the
// others with it. systemd gives users no io.
func TestBestEffortKeepsTheOthers(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := testkit.NewProject(t, limits)
	p.Fails(137, []string{"hog-soft was killed by the kernel: out of memory (its limit is 16 MiB)"}, "hog-soft")
}

// limitFolder is the cgroup, as seen from here, that limits the project's
// command: the one above its own, which its root could write to; "" if none is
// seen yet.
func limitFolder(t *testing.T, p *testkit.Project, name string) string {
	t.Helper()
	for _, pid := range p.Pids() {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(fields) != 3 || !strings.Contains(fields[2], "/lanyard-") || filepath.Base(fields[2]) == cgroup.Leaf {
				continue
			}
			if !regexp.MustCompile(`/lanyard-[0-9a-f]{12}/` + name + `/command$`).MatchString(fields[2]) {
				t.Errorf("a cgroup is called %s", fields[2])
			}
			return filepath.Join("/sys/fs/cgroup", strings.Split(fields[1], ",")[0], filepath.Dir(fields[2]))
		}
	}
	return ""
}

func TestNofile(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, limits)
	if got := p.OK("nofile"); got != "77\n77\n" {
		t.Errorf("nofile is %q", got)
	}
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	hard := strconv.FormatUint(own.Max, 10)
	p.Fails(127, []string{"cannot start manyfiles: limit nofile 2147483584 is above lanyard's own hard limit of " + hard}, "manyfiles")
	r := p.Run("manyfiles-soft")
	if r.Code != 0 || r.Out != hard+"\n" || !strings.Contains(r.Err, "warning: manyfiles-soft: limit nofile 2147483584 is above lanyard's own hard limit; using "+hard) {
		t.Errorf("best effort: %+v", r)
	}
}

func TestLimitsOfAnOrdinaryUser(t *testing.T) {
	testkit.Require(t, testkit.User, testkit.NoCgroup)
	t.Parallel()
	p := testkit.NewProject(t, limits)
	p.Fails(127, []string{"strict could not be started: cannot limit memory, pids: uid ", "set limits-mode: best-effort"}, "strict")
	r := p.Run("soft")
	if r.Code != 0 || r.Out != "ran\n" || !strings.Contains(r.Err, "warning: soft: it runs without its limits on memory, pids: uid ") {
		t.Errorf("best effort: %+v", r)
	}
}

// TestLimitsOfAStranger: the same where the cgroups are v2's.
func TestLimitsOfAStranger(t *testing.T) {
	t.Parallel()
	testkit.AsStranger(t, "TestLimitsOfAnOrdinaryUser")
}

// TestManyWithLimits: twenty lanyards sweep, make cgroups and remove them at once.
func TestManyWithLimits(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, limits)
	results := make(chan string, 20)
	for range cap(results) {
		go func() {
			r, err := p.TryRun("soft")
			switch {
			case err != nil:
				results <- err.Error()
			case r.Code != 0 || r.Out != "ran\n" || strings.Contains(r.Err, "cannot remove"):
				results <- r.Err
			default:
				results <- ""
			}
		}()
	}
	for range cap(results) {
		if problem := <-results; problem != "" {
			t.Error(problem)
		}
	}
}

// TestRootCannotRaiseItsLimits: in a user namespace of its own root may mount
// its cgroup and write to the files there. As root it takes nesting to get one.
func TestRootCannotRaiseItsLimits(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	testkit.RequireTool(t, "unshare") // of util-linux, with -C
	p := testkit.NewProject(t, `
containers: {h: {host: true}}
commands:
  raise: !Command {container: h, security: {nesting: true}, limits: {pids: 20}, volumes: {/cg: !Tmpfs {}}, run: "unshare -UrmC sh /work/raise"}
`)
	p.Write("raise", `
mount -t cgroup -o pids none /cg || mount -t cgroup2 none /cg || exit 9
test ! -e /cg/pids.max || echo max >/cg/pids.max || exit 9
mkdir /cg/below || exit 9
i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done
`)
	r := p.Run("raise")
	if r.Code != 2 || !strings.Contains(strings.ToLower(r.Out+r.Err), "fork") {
		t.Errorf("a shell that starts 60 processes with a limit of 20: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
}
