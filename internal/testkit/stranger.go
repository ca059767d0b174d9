package testkit

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// AsStranger runs tests of this binary as a user in a cgroup that is another's, and
// who has no systemd to ask for one: those that are about a user without a cgroup
// pass on cgroup v2 too. Each must run; only the guest has such a user for sure.
func AsStranger(t *testing.T, tests ...string) {
	t.Helper()
	Require(t, Root, Guest, CgroupV2)
	const uid = 54321 // nobody's
	dir, err := os.MkdirTemp("", "lanyard-stranger-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_RUNTIME_DIR=", asVar+"=user")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as uid %d: %v\n%s", uid, err, out)
	}
	for _, name := range tests {
		if !strings.Contains(string(out), "--- PASS: "+name+" ") {
			t.Errorf("%s did not run as uid %d:\n%s", name, uid, out)
		}
	}
}
