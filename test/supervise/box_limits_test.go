package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// figure reads a file of the container's cgroup: controller/harpoon/ID/v1 or,
// on v2, harpoon/ID/v2. A kernel without swap has none of swap's files: "".
func (p *place) figure(controller, v1, v2 string) string {
	p.t.Helper()
	path := filepath.Join("/sys/fs/cgroup", controller, "harpoon", p.id, v1)
	if unified() {
		path = filepath.Join("/sys/fs/cgroup/harpoon", p.id, v2)
	}
	if strings.Contains(path, "sw") && !exists(path) {
		return ""
	}
	return strings.TrimSpace(p.read(path))
}

func TestContractLimits(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Root, testkit.Limits)
	p := newPlace(t, `{"resources": {"mem": 64, "cpu": 0.25}}`)
	r := p.start("/bin/sleep", "1000")
	s := r.dial().up()
	if s.Metrics.MemoryLimit != 64<<20 {
		t.Errorf("memory_limit is %d, want %d", s.Metrics.MemoryLimit, 64<<20)
	}
	if got := p.figure("memory", "memory.limit_in_bytes", "memory.max"); got != "67108864" {
		t.Errorf("memory is limited to %s", got)
	}
	// On v2 the limit of swap is what comes on top of the memory.
	swap := map[bool]string{true: "67108864", false: "134217728"}[unified()]
	if got := p.figure("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"); got != swap && got != "" {
		t.Errorf("swap is limited to %s, want %s", got, swap)
	}
	if got := p.cpus(); got != "25000 100000" {
		t.Errorf("quota and period are %s", got)
	}
	r.onlyCommandIn()
	r.end()
}

// cpus is the quota and the period, in microseconds.
func (p *place) cpus() string {
	p.t.Helper()
	if unified() {
		return p.figure("", "", "cpu.max")
	}
	return p.figure("cpu", "cpu.cfs_quota_us", "") + " " + p.figure("cpu", "cpu.cfs_period_us", "")
}

// onlyCommandIn checks that limits bind the command and nothing of ours.
func (r *running) onlyCommandIn() {
	r.t.Helper()
	var pids []string
	for _, process := range r.named("sleep") {
		pids = append(pids, itoa(process.pid))
	}
	for _, folder := range cgroupsOf(r.id) {
		members := r.members(folder)
		if len(pids) != 1 || !slices.Equal(members, pids) {
			r.t.Errorf("%s has the processes %q, the command is %q", folder, members, pids)
		}
	}
	if len(cgroupsOf(r.id)) == 0 {
		r.t.Error("there is no cgroup of the container's name")
	}
}

// members gives the processes in a cgroup and below.
func (p *place) members(folder string) []string {
	p.t.Helper()
	var pids []string
	for _, pattern := range []string{"/cgroup.procs", "/*/cgroup.procs"} {
		files, err := filepath.Glob(folder + pattern)
		p.must(err)
		for _, file := range files {
			pids = append(pids, strings.Fields(p.read(file))...)
		}
	}
	return pids
}

// The figures of a container without limits.
func TestContractNoLimits(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Root, testkit.Limits)
	p := newPlace(t, `{"resources": {"mem": 0, "cpu": 0}}`)
	r := p.start("/bin/sleep", "1000")
	s := r.dial().up()
	if s.Metrics.MemoryLimit != 9223372036854771712 || s.Metrics.CPUTime == 0 || s.Metrics.MemoryUsage == 0 {
		t.Errorf("%+v", s.Metrics)
	}
	r.onlyCommandIn()
	r.end()
}

// Its own cgroup is all that a container sees of them, wherever it looks.
func TestContractCgroupSeenFromInside(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for line := range strings.Lines(p.outputs("cat /proc/self/cgroup")) {
		if _, path, _ := strings.Cut(strings.TrimSpace(line), ":"); !strings.HasSuffix(path, ":/") {
			t.Errorf("/proc/self/cgroup says %q", line)
		}
	}
}

// What a dead supervisor left under the name is removed, in every hierarchy,
// also with a process in it; the container is a new one.
func TestContractLeftoverCgroup(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Root, testkit.Limits)
	for _, populated := range []bool{false, true} {
		t.Run(fmt.Sprintf("populated %v", populated), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, `{"resources": {"mem": 64}}`)
			sleeper := p.leftover(populated)
			r := p.start("/bin/sleep", "1000")
			r.dial().up()
			r.onlyCommandIn()
			for _, folder := range cgroupsOf(p.id) {
				if exists(filepath.Join(folder, "older")) {
					t.Errorf("%s is the old one", folder)
				}
			}
			if sleeper != nil {
				if state, err := sleeper.Wait(); err != nil || state.Success() {
					t.Errorf("the process in the leftover ended with %v, %v; want it killed", state, err)
				}
			}
			r.end()
		})
	}
}

// leftover makes the container's cgroup with one below it, as somebody left
// it, and perhaps puts a process into that.
func (p *place) leftover(populated bool) *os.Process {
	p.t.Helper()
	var sleeper *os.Process
	if populated {
		var err error
		sleeper, err = os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
		p.must(err)
		p.t.Cleanup(func() { _ = sleeper.Kill() })
	}
	for _, root := range cgroupRoots() {
		base := filepath.Base(root)
		if base == "unified" { // no controller is there
			continue
		}
		folder := filepath.Join(root, "harpoon", p.id, "older")
		p.must(os.MkdirAll(folder, 0o755))
		// The shared folder goes with the last of them.
		p.t.Cleanup(func() { _ = os.Remove(filepath.Join(root, "harpoon")) })
		if populated && (base == "memory" || base == "freezer" || unified()) {
			p.must(os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(itoa(sleeper.Pid)), 0o644))
		}
	}
	return sleeper
}

// What runs under a live supervisor of another program is left alone.
func TestContractCgroupOfALiveSupervisor(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Root, testkit.Limits)
	p := newPlace(t, `{}`)
	// A shell whose file has the name: that is what the kernel calls the process.
	shell, err := os.ReadFile("/bin/sh")
	p.must(err)
	path := filepath.Join(p.base, supervisorName)
	p.must(os.WriteFile(path, shell, 0o755))
	other := exec.Command(path, "-c", "sleep 1000 & echo $!; wait")
	said, err := other.StdoutPipe()
	p.must(err)
	p.must(other.Start())
	var child int
	_, err = fmt.Fscan(said, &child)
	p.must(err)
	defer func() {
		_ = syscall.Kill(child, syscall.SIGKILL)
		_ = other.Wait()
		until(t, "nobody is in the cgroup", func() bool { return len(p.members(p.group())) == 0 })
		for _, folder := range cgroupsOf(p.id) {
			p.must(os.Remove(folder))
			_ = os.Remove(filepath.Dir(folder)) // others may be in it
		}
	}()
	p.must(os.MkdirAll(p.group(), 0o755))
	p.must(os.WriteFile(filepath.Join(p.group(), "cgroup.procs"), []byte(itoa(child)), 0o644))

	r := p.start("/bin/true")
	if code := r.wait(); code != 1 || strings.Count(r.errors(), "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, r.log())
	}
	r.says(fmt.Sprintf("the cgroup harpoon/%s is in use: process %d", p.id, other.Process.Pid))
	if got := p.members(p.group()); !slices.Equal(got, []string{itoa(child)}) {
		t.Errorf("in the cgroup is %q, want %d", got, child)
	}
	p.onlyFiles("agent.json", "rootfs")
}

// group is the container's cgroup that limits its memory.
func (p *place) group() string {
	if unified() {
		return filepath.Join("/sys/fs/cgroup/harpoon", p.id)
	}
	return filepath.Join("/sys/fs/cgroup/memory/harpoon", p.id)
}
