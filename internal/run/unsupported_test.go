package run_test

import (
	"os"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestUnsupportedWords: a known word that does not work stops only what needs
// it, before anything is made.
func TestUnsupportedWords(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
mixins: [more.yaml]
containers:
  c: {rootfs: ROOT}
  built: {setup: [!Ubuntu jammy]}
commands:
  good: !Command {container: c, run: [echo, good]}
  group: !Supervise {children: {a: {container: c, run: [echo, a]}, b: {container: built, run: [echo, b]}}}
  elsewhere: !Command {container: there, run: [echo, x]}
  fill: !Command {container: built, run: [echo, x]}
  filled: !Command {container: c, run: [echo, x], volumes: {/d: !Persistent {name: d, init-command: fill}}}
`)
	if got := p.OK("good"); got != "good\n" {
		t.Errorf("a command that needs none of it prints %q", got)
	}
	if got := p.OK("group", "--only", "a", "--output", "raw"); got != "a\n" {
		t.Errorf("a child that needs none of it prints %q", got)
	}
	p.Fails(126, []string{"cannot run group: ", "lanyard.yaml:5:19: !Ubuntu: "}, "group")
	p.Fails(126, []string{"cannot run group: ", "lanyard.yaml:5:19: !Ubuntu: "}, "group", "--exclude", "a")
	p.Fails(126, []string{"cannot run elsewhere: ", "lanyard.yaml:2:1: mixins: "}, "elsewhere")
	p.Fails(126, []string{"cannot run fill: ", "lanyard.yaml:5:19: !Ubuntu: "}, "filled")
	if _, err := os.Lstat(p.Path(".lanyard")); !os.IsNotExist(err) {
		t.Errorf("something has been made: %v", err)
	}
}
