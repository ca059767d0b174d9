package run_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestHostsNetwork: network and clocks are the host's.
func TestHostsNetwork(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, "containers: {c: {rootfs: ROOT}}\ncommands: {c: {container: c, run: 'for n in net time; do readlink /proc/self/ns/$n; done'}}\n")
	want := ""
	for _, kind := range []string{"net", "time"} {
		host, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		want += host + "\n"
	}
	if got := p.OK("c"); got != want {
		t.Errorf("the command has %q, the host %q", got, want)
	}
}

// TestOwnerWarning: root is told, in one line, that the project is not its own.
func TestOwnerWarning(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	p := testkit.NewProject(t, "containers: {c: {rootfs: ROOT}}\ncommands: {c: {container: c, run: [echo, x]}}\n")
	if r := p.Run("c"); r.Code != 0 || r.Err != "" {
		t.Errorf("in a project of root's: %+v", r)
	}
	if err := os.Chown(p.Dir, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	want := "lanyard: warning: running as root in a project of uid 1000: files that commands make there will belong to root\n"
	if r := p.Run("c"); r.Code != 0 || r.Err != want {
		t.Errorf("in a project of uid 1000: %+v", r)
	}
}

// TestNoGrace: with kill-unresponsive-after: 0 the KILL follows the TERM at
// once, and the result is that of the child that went first.
func TestNoGrace(t *testing.T) {
	t.Parallel()
	s := newService(t, `
containers:
  c: {rootfs: ROOT}
commands:
  group: !Supervise
    kill-unresponsive-after: 0
    children:
      first: !Command {container: c, run: "until test -e /work/go; do sleep 0.01; done; exit 4"}
      deaf: !Command {container: c, run: "trap '' TERM; touch /work/ready; while :; do sleep 1000; done"}
`, "", "group")
	s.Until("READY=1") // both are known to run
	await(t, "deaf is", func() bool { return exists(s.p.Path("ready")) })
	s.p.Write("go", "")
	s.ends(4)
	for _, text := range []string{"first exited with status 4", "deaf  was killed by lanyard", "exit status 4"} {
		if !strings.Contains(s.out.String(), text) {
			t.Errorf("%q is not said:\n%s", text, s.out.String())
		}
	}
}
