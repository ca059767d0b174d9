package run_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestRootOfAUserNamespace: there lanyard does what it does for an ordinary
// user, because the kernel lets it do no more.
func TestRootOfAUserNamespace(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, write-mode: transient}
commands:
  c: !Command {container: c, user-id: 1000, group-id: 1001, run: "id -u; id -g; touch /made && echo wrote"}
`)
	cmd := p.Command(t.Context(), "c")
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil || string(out) != "1000\n1001\nwrote\n" {
		t.Errorf("%v, output %q, errors:\n%s", err, out, errors.String())
	}
}
