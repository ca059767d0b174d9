package supervise_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestFrozenOnV2: a command with a handler for TERM that was frozen from outside
// can't run it, which is told; a kill ends it, and nothing of it is left. The
// same after a kill -9 of the supervisor.
func TestFrozenOnV2(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.CgroupV2, testkit.Limits)
	for name, end := range map[string]func(*running, *conn){
		"kill": func(r *running, c *conn) {
			r.t.Helper()
			r.must(c.Stop())
			until(r.t, "the report", func() bool { return strings.Contains(r.errors(), r.id+" can't end: process ") })
			r.says("is frozen by the cgroup "+cgroupsOf(r.id)[0], "thaw it: echo 0 > ")
			r.must(c.Kill())
			if s := c.finished(); s.ExitStatus != (client.ExitStatus{Signaled: true, Signal: 9}) {
				r.t.Errorf("%+v", s)
			}
			r.end()
		},
		"kill -9": func(r *running, _ *conn) {
			r.t.Helper()
			r.must(r.cmd.Process.Signal(syscall.SIGKILL))
			r.wait()
			r.nothingLeft()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, `{"env": {"PATH": "/bin"}, "resources": {"mem": 64}}`)
			r := p.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done")
			c := r.dial()
			c.up()
			r.ready()
			p.must(os.WriteFile(filepath.Join(cgroupsOf(p.id)[0], "cgroup.freeze"), []byte("1"), 0o644))
			end(r, c)
		})
	}
}
