package supervise_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// refused wants a supervisor that ends at once with exit code 1 and one line,
// and that leaves no trace.
func (r *running) refused(texts ...string) {
	r.t.Helper()
	r.want(1)
	got := r.errors()
	if strings.HasPrefix(got, "lanyard: warning: figures from /proc instead of a cgroup") { // an ordinary user on v1
		_, got, _ = strings.Cut(got, "\n")
	}
	if strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "lanyard: ") || r.output() != "" {
		r.t.Errorf("stderr %q and stdout %q; want one line on stderr", r.errors(), r.output())
	}
	r.says(texts...)
}

func TestBadIDs(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for _, c := range []struct{ id, says string }{
		{"a/b", `--ID "a/b" holds a slash`},
		{"/", "holds a slash"},
		{"../escape", "holds a slash"},
		{"..", `--ID ".."`},
		{".", `--ID "."`},
		{strings.Repeat("x", 256), "has 256 bytes"},
		{strings.Repeat("x", 300), "has 300 bytes"},
		{"a\nb", "control character"},
		{"\xff", "not UTF-8"},
	} {
		p.launch(nil, "--hostname", "box", "--ID", c.id, "--", "/bin/true").refused("--ID", c.says)
	}
	p.onlyFiles("agent.json", "rootfs")
}

// What looks strange and is allowed.
func TestContractIDsThatAreFine(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for _, id := range []string{strings.Repeat("x", 240) + p.id[4:], "a b " + p.id, "...", "web:1;" + p.id, "-" + p.id, "ä" + p.id} {
		p.id = id
		r := p.launch(nil, "--hostname", "box", "--ID="+id, "--", "/bin/echo", "hello")
		if s := r.dial().finished(); s.Err != "" {
			t.Errorf("%q: %+v", id, s)
		}
		r.end()
	}
}

func TestBadHostnames(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for name, says := range map[string]string{
		strings.Repeat("h", 65):   "has 65 bytes",
		strings.Repeat("h", 5000): "at most 64",
		"a\tb":                    "control character",
		"\xfe":                    "not UTF-8",
	} {
		p.launch(nil, "--hostname", name, "--ID", p.id, "--", "/bin/true").refused("--hostname", says)
	}
	p.onlyFiles("agent.json", "rootfs")
}

// harpoon/tasks is one of the kernel's files: no container can be called so, and
// those that are there don't notice.
func TestBadIDsOfCgroupFiles(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
	other := newPlace(t, `{"resources": {"mem": 64, "cpu": 1}}`)
	alive := other.start("/bin/sleep", "1000")
	c := alive.dial()
	c.up()
	names := []string{"tasks", "cgroup.procs", "memory.limit_in_bytes", "notify_on_release", "cpuacct.usage"}
	if unified() {
		names = []string{"cgroup.procs", "cgroup.kill", "cgroup.subtree_control", "memory.current"}
	}
	p := newPlace(t, `{"resources": {"mem": 64}}`)
	for _, name := range names {
		r := p.launch(nil, "--hostname", "box", "--ID", name, "--", "/bin/true")
		r.refused("--ID", name)
	}
	p.onlyFiles("agent.json", "rootfs")
	if got := other.figure("memory", "memory.limit_in_bytes", "memory.max"); got != "67108864" {
		t.Errorf("the other container's memory is limited to %s", got)
	}
	alive.onlyCommandIn()
	alive.end()
}

// Two supervisors of one ID, in two directories: the second is refused, and the
// first goes on.
func TestBadIDOfALiveSupervisor(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
	p, second := newPlace(t, `{}`), newPlace(t, `{}`)
	r := p.start("/bin/sleep", "1000")
	c := r.dial()
	c.up()
	// Both are one user's, who has one folder for run folders.
	other := second.launch(func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+filepath.Join(p.base, "run"))
	}, p.words("/bin/true")...)
	if code := other.wait(); code != 1 || strings.Count(other.errors(), "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, other.log())
	}
	other.says(p.id, "process "+itoa(r.cmd.Process.Pid))
	second.onlyFiles("agent.json", "rootfs")
	r.onlyCommandIn()
	p.must(c.Stop())
	if s := c.finished(); s.ExitStatus != (client.ExitStatus{Signaled: true, Signal: 15}) {
		t.Errorf("%+v", s)
	}
	r.end()
}
