package doctor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// service has systemd-run(1) start what cmd would, in a unit.
func (pl *place) service(cmd *exec.Cmd, args []string) {
	words := []string{"systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--working-directory=" + pl.p.Dir}
	for _, line := range pl.unit {
		words = append(words, "--property="+line)
	}
	for _, entry := range cmd.Env {
		words = append(words, "--setenv="+entry)
	}
	cmd.Path = testkit.RequireTool(pl.t, "systemd-run")
	cmd.Args = append(append(words, filepath.Join(pl.files, "lanyard")), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

// TestHardenedUnitsOfSystemd: lines that forbid containers, and those that are
// advised instead. The user has no range: most such lines take newuidmap its power.
func TestHardenedUnitsOfSystemd(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Guest, testkit.CgroupV2, testkit.Systemd)
	const orDocker, user = "; in a container of Docker: docker run ", "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …"
	const mounts = "a seccomp filter or a security module forbids mounts, of which containers are made"
	for name, c := range map[string]struct {
		lines             []string
		finding, why, fix string
		instead           string // a line
	}{
		"root without namespaces": {[]string{"RestrictNamespaces=yes"}, "namespaces", "a seccomp filter or a security module forbids namespaces",
			"in a unit of systemd: RestrictNamespaces=no" + orDocker + "--privileged …", "RestrictNamespaces=no"},
		"user without namespaces": {[]string{"User=daemon", "RestrictNamespaces=yes"}, "user-namespaces", "a seccomp filter forbids user namespaces",
			"in a unit of systemd: RestrictNamespaces=no" + orDocker + user, "RestrictNamespaces=no"},
		"root without mounts": {[]string{"SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"}, "namespaces", mounts,
			"in a unit of systemd: an empty SystemCallFilter=" + orDocker + "--privileged …", "SystemCallFilter="},
		"user without mounts": {[]string{"User=daemon", "SystemCallFilter=@system-service"}, "namespaces", mounts,
			"in a unit of systemd: an empty SystemCallFilter=" + orDocker + user, "SystemCallFilter="},
	} {
		t.Run(name, func(t *testing.T) {
			pl := newPlace(t, nil)
			if strings.HasPrefix(c.lines[0], "User=") {
				pl.ownedBy("1")
			}
			self, err := os.Executable()
			pl.must(err)
			pl.must(os.Symlink(self, filepath.Join(pl.files, "lanyard")))
			pl.unit = c.lines
			pl.sameWords(1, c.finding, host.No, c.why, c.fix, "plain")
			pl.unit = append(pl.unit, c.instead)
			if code, out, errs := pl.lanyard("plain"); code != 0 || out != "ran\n" {
				t.Errorf("with %s: %d\n%s%s", c.instead, code, out, errs)
			}
		})
	}
}
