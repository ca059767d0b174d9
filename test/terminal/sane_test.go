package terminal_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// around runs a line in a shell that never touches the terminal itself, and
// compares its settings and foreground group before and after.
func around(t *testing.T, line string, during func(k *keyboard), want string) {
	p := newPlace(t)
	p.write("script", "stty -g >before\necho BEGIN\n"+line+"\necho STATUS=$?.\nstty -g >after\nread x\n")
	k := p.at("sh", "script")
	k.see("BEGIN")
	if during != nil {
		during(k)
	}
	k.want("status", k.see(`STATUS=(\d+)\.`)[1], want)
	p.waitFor("the settings afterwards", func() bool { return p.exists("after")() && p.read("after") != "" })
	k.want("settings", p.read("after"), p.read("before"))
	if got := k.foreground(); got != k.leader.Process.Pid {
		t.Errorf("foreground group %d, want the shell's %d", got, k.leader.Process.Pid)
	}
	k.line("")
	<-k.ended
}

// The terminal is as it was however the command ends.
func TestSaneAfterwards(t *testing.T) {
	const raw = `lanyard do 'stty raw -echo; echo U""P; `
	killed := func(k *keyboard) {
		k.see("UP")
		k.p.check(syscall.Kill(k.p.named("sleep"), syscall.SIGKILL))
	}
	for _, c := range []struct {
		name, line string
		during     func(k *keyboard)
		want       string
	}{
		{"exit", `lanyard do 'exit 3'`, nil, "3"},
		{"exit in raw mode", raw + `exit 4'`, nil, "4"},
		{"killed in raw mode", raw + `exec sleep 1000'`, killed, "137"},
		{"ended by itself in raw mode", raw + `kill -SEGV $$'`, nil, "139"},
		{"not started", `lanyard missing`, nil, "127"},
		{"told to end", raw + `exec sleep 1000'`, func(k *keyboard) {
			k.see("UP")
			k.p.named("sleep")
			k.p.check(syscall.Kill(k.p.one(false), syscall.SIGTERM))
		}, "143"},
		{"a job of an inner shell in the foreground", `lanyard exec bash --norc -ic 'set -m; stty -echo; sleep 1000; true'`, func(k *keyboard) {
			k.p.named("sleep")
			k.p.check(syscall.Kill(k.p.named("bash"), syscall.SIGKILL))
		}, "137"},
	} {
		t.Run(c.name, func(t *testing.T) { around(t, c.line, c.during, c.want) })
	}
}

// A terminal that Ctrl-S has stopped does not hold the end back.
func TestFlowStopped(t *testing.T) {
	k := newPlace(t).at("lanyard", "do", `stty -echo; echo U""P; exec sleep 1000`)
	k.see("UP")
	pid := k.p.named("sleep")
	k.keys("\x13")
	k.p.check(syscall.Kill(pid, syscall.SIGKILL))
	<-k.ended
	k.want("status", k.leader.ProcessState.String(), "exit status 137")
	if !k.echoes() {
		t.Error("the terminal does not echo afterwards")
	}
}

// When lanyard itself is killed nothing is left, and the shell gets its
// terminal back.
func TestLanyardKilled(t *testing.T) {
	k := newPlace(t).bash()
	before := k.output("stty -g")
	k.line(`lanyard do 'stty raw -echo; trap "" HUP TERM INT; echo U""P; while :; do sleep 0.05; done'`)
	k.see("UP")
	k.p.check(syscall.Kill(k.p.one(false), syscall.SIGKILL))
	k.see("Killed")
	k.p.waitFor("the command is gone", func() bool { return len(k.p.pids(true)) == 0 })
	k.want("settings", k.output("stty -g"), before)
}

// Programs that draw start, quit, and leave the terminal as it was.
func TestFullScreen(t *testing.T) {
	for _, c := range []struct{ program, start, screen, quit string }{
		{"busybox", "lanyard exec TERM=vt100 busybox vi text", `line 2\D`, ":q!\r"},
		{"vim", "lanyard exec TERM=vt100 vim -u NONE text", `line 2\D`, ":q!\r"},
		{"less", "lanyard exec TERM=vt100 less text", `line 2\D`, "q"},
	} {
		t.Run(c.program, func(t *testing.T) {
			testkit.RequireTool(t, c.program)
			p := newPlace(t)
			p.write("text", strings.Repeat("line 1\nline 2\nline 3\n", 40))
			k := p.bash()
			before := k.output("stty -g")
			k.line(c.start)
			k.see(c.screen)
			p.waitFor("its settings", func() bool { return !k.echoes() })
			k.keys(c.quit)
			k.see("READY> ")
			k.want("settings", k.output("stty -g"), before)
		})
	}
}
