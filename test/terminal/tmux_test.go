package terminal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// In a real terminal emulator: an inner shell, its job control, a resize, the
// stop of a plain command, and a pane that is killed.
func TestTmux(t *testing.T) {
	testkit.RequireTool(t, "tmux")
	p := newPlace(t)
	// The path of a socket may have 107 bytes only.
	dir, err := os.MkdirTemp("", "tmux")
	p.check(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	tmux := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("tmux", append([]string{"-f", "/dev/null", "-S", filepath.Join(dir, "s")}, args...)...)
		cmd.Dir, cmd.Env = p.dir, p.env()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	see := func(text string) {
		t.Helper()
		p.waitFor(text+" in the pane", func() bool { return strings.Contains(tmux("capture-pane", "-p"), text) })
	}
	keys := func(keys ...string) {
		t.Helper()
		tmux(append([]string{"send-keys"}, keys...)...)
	}
	tmux("new-session", "-d", "-x", "90", "-y", "20", "bash", "--norc", "--noprofile", "-i")
	see("READY>")
	keys("lanyard exec PS1='INN''ER> ' bash --norc --noprofile -i", "Enter")
	see("INNER>")
	keys("stty size", "Enter")
	see("20 90")
	tmux("resize-window", "-x", "70", "-y", "22")
	keys("stty size", "Enter")
	see("22 70")
	keys("sleep 1000", "Enter")
	p.named("sleep")
	keys("C-z")
	see("Stopped")
	keys("kill %1; exec sleep 999", "Enter")
	p.waitFor("the inner shell is replaced", func() bool { return len(p.pids(true)) == 1 && p.named("sleep") != 0 })
	keys("C-z")
	see("READY> ")
	p.waitFor("lanyard is stopped", func() bool { return state(p.one(false)) == "T" })
	keys("fg", "Enter")
	p.waitFor("lanyard goes on", func() bool { return state(p.one(false)) != "T" })
	tmux("kill-server")
	p.waitFor("everything is gone", p.gone)
}
