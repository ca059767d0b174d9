package supervise_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// figure reads a file of the container's cgroup: controller/harpoon/ID/v1 or,
// on v2, harpoon/ID/v2 below the base.
func (p *place) figure(controller, v1, v2 string) string {
	p.t.Helper()
	path := filepath.Join("/sys/fs/cgroup", controller, "harpoon", p.id, v1)
	if unified() {
		folders := cgroupsOf(p.id)
		if len(folders) != 1 {
			p.t.Fatalf("the cgroups of %s are %q, want one", p.id, folders)
		}
		path = filepath.Join(folders[0], v2)
	}
	return strings.TrimSpace(p.read(path))
}

func TestContractLimits(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
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
	if got := p.figure("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"); got != swap {
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
		pids = append(pids, itoa(process.PID))
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
			data, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
				continue // it is removed meanwhile
			}
			p.must(err)
			pids = append(pids, strings.Fields(string(data))...)
		}
	}
	return pids
}

// The figures of a container without limits.
func TestContractNoLimits(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
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
