package run_test

import (
	"os"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestBadProfiles: a profile that can't be used is told with its place, at once;
// nothing starts without its filter.
func TestBadProfiles(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers: {c: {rootfs: ROOT}}
commands:
  missing: !Command {container: c, security: {seccomp: none.json}, run: [echo, ran]}
  syntax: !Command {container: c, security: {seccomp: syntax.json}, run: [echo, ran]}
  action: !Command {container: c, security: {seccomp: action.json}, run: [echo, ran]}
  empty: !Command {container: c, security: {seccomp: empty.json}, run: [echo, ran]}
  huge: !Command {container: c, security: {seccomp: huge.json}, run: [echo, ran]}
  folder: !Command {container: c, security: {seccomp: folder}, run: [echo, ran]}
  pipe: !Command {container: c, security: {seccomp: pipe}, run: [echo, ran]}
  device: !Command {container: c, security: {seccomp: device}, run: [echo, ran]}
  kills: !Command {container: c, security: {seccomp: kills.json}, run: [echo, ran]}
`)
	p.Write("syntax.json", "{\n\"defaultAction\": }")
	p.Write("action.json", `{"defaultAction": "SCMP_ACT_NOTIFY"}`)
	p.Write("empty.json", "{}")
	p.Write("huge.json", string(make([]byte, 1<<20+1)))
	p.Write("kills.json", `{"defaultAction": "SCMP_ACT_KILL_PROCESS"}`)
	p.Write("folder/x", "")
	for _, err := range []error{unix.Mkfifo(p.Path("pipe"), 0o666), os.Symlink("/dev/zero", p.Path("device"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string]string{
		"missing": "none.json: no such file or directory", "syntax": "syntax.json: it is no JSON: line 2", "action": `"SCMP_ACT_NOTIFY" is no action that works here`,
		"empty": "it has no defaultAction", "huge": "huge.json has more than 1048576 bytes", "folder": "folder is not a file", "pipe": "pipe is not a file",
		"device": "path escapes from parent", "kills": "kills.json: it refuses execve, without which no command can be started; allow it",
	} {
		p.Fails(127, []string{"cannot start " + command + ": DIR/lanyard.yaml:", "security: seccomp: ", want}, command)
	}
}
