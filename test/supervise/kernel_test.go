package supervise_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// lackingFile starts a supervisor whose kernel has no such file in the container's
// cgroups. It is made of this one by strace, which refuses the file's names.
func (p *place) lackingFile(controller, file string, command ...string) *running {
	p.t.Helper()
	testkit.Require(p.t, testkit.Root, testkit.CgroupV1) // there the names are known before
	strace := testkit.RequireTool(p.t, "strace")
	name := controller + "/harpoon/" + p.id + "/" + file
	return p.launch(func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = strace, append([]string{"strace", "-D", "-f", "-o", "/dev/null", "-P", "/sys/fs/cgroup/" + name, "-P", name,
			"-e", "inject=newfstatat,openat,openat2:error=ENOENT", p.self()}, cmd.Args[1:]...)
	}, p.words(command...)...)
}

// TestContractLimitsWithoutSwap: a kernel that counts no swap limits memory all the
// same, and is told of once.
func TestContractLimitsWithoutSwap(t *testing.T) {
	t.Parallel()
	const file = "memory.memsw.limit_in_bytes"
	p := newPlace(t, `{"resources": {"mem": 64, "cpu": 0.25}}`)
	r := p.lackingFile("memory", file, "/bin/sleep", "1000")
	if s := r.dial().up(); s.Metrics.MemoryLimit != 64<<20 {
		t.Errorf("memory_limit is %d, want %d", s.Metrics.MemoryLimit, 64<<20)
	}
	if got := p.figure("memory", file, ""); got == "134217728" {
		t.Error("swap is limited all the same")
	}
	if got := p.cpus(); got != "25000 100000" {
		t.Errorf("quota and period are %s", got)
	}
	if memory := p.containerJSON().Linux.Resources.Memory; *memory.Limit != 64<<20 || memory.Swap != nil {
		t.Errorf("container.json has %+v", memory)
	}
	r.end()
	want := "lanyard: warning: memory is limited, but not swap: this kernel counts no swap (no " + file + "); fix: swapaccount=1 on the kernel's command line\n"
	if got := r.errors(); strings.Count(got, "swap:") != 1 || !strings.Contains(got, want) {
		t.Errorf("it says\n%s\nwant once %s", got, want)
	}
}

// TestBadLimitOfThisKernel: root is told what the kernel lacks, not to be root.
func TestBadLimitOfThisKernel(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"resources": {"cpu": 0.25}}`)
	r := p.lackingFile("cpu", "cpu.cfs_quota_us", "/bin/true")
	r.cannotStart("cannot limit cpu: this kernel's cgroups have no cpu.cfs_quota_us; take resources.mem and resources.cpu out of agent.json")
}
