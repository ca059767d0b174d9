package terminal_test

import (
	"strings"
	"syscall"
	"testing"
)

// Signals sent to lanyard are passed on; the status is the command's own. A
// second INT, QUIT or TERM kills.
func TestSignalsByKill(t *testing.T) {
	for _, c := range []struct {
		sig  syscall.Signal
		name string
	}{{syscall.SIGINT, "INT"}, {syscall.SIGTERM, "TERM"}, {syscall.SIGQUIT, "QUIT"}, {syscall.SIGHUP, "HUP"}} {
		t.Run(c.name, func(t *testing.T) {
			k := newPlace(t).bash()
			k.line(`lanyard do 'trap "echo GO""T; exit 9" ` + c.name + `; echo U""P; while :; do sleep 0.05; done'; echo "STA""TUS=$?."`)
			k.see("UP")
			k.p.check(syscall.Kill(k.p.one(false), c.sig))
			k.see("GOT")
			k.want("status", k.see(`STATUS=(\d+)\.`)[1], "9")
			if c.sig == syscall.SIGHUP {
				return
			}
			k.line(`lanyard do 'trap "echo GO""T" ` + c.name + `; echo U""P; while :; do sleep 0.05; done'; echo "STA""TUS=$?."`)
			k.see("UP")
			lanyard := k.p.one(false)
			k.p.check(syscall.Kill(lanyard, c.sig))
			k.see("GOT")
			k.p.check(syscall.Kill(lanyard, c.sig))
			k.want("status", k.see(`STATUS=(\d+)\.`)[1], "137")
		})
	}
}

const immune = `lanyard do 'trap "" HUP INT TERM QUIT; echo U""P; while :; do sleep 0.05; done'`

// When the terminal is closed everything ends, whatever the command ignores.
func TestHangUp(t *testing.T) {
	closed := func(k *keyboard) { _ = k.master.Close() }
	for _, c := range []struct {
		name  string
		start func(p *place) *keyboard
		stop  func(k *keyboard)
	}{
		{"below a shell", func(p *place) *keyboard { k := p.bash(); k.line(immune); return k }, closed},
		{"in the background", func(p *place) *keyboard { k := p.bash(); k.line(immune + " &"); return k }, closed},
		{"in a pipeline", func(p *place) *keyboard { k := p.bash(); k.line(immune + " | cat"); return k }, closed},
		{"without a shell", func(p *place) *keyboard {
			return p.at("lanyard", "do", `trap "" HUP INT TERM; echo UP; while :; do sleep 0.05; done`)
		}, closed},
		{"shell killed", func(p *place) *keyboard { k := p.bash(); k.line(immune); return k },
			func(k *keyboard) { k.p.check(k.leader.Process.Kill()) }},
		{"stopped", func(p *place) *keyboard { k := p.bash(); k.line("lanyard exec sleep 1000"); return k }, func(k *keyboard) {
			k.p.named("sleep")
			k.keys("\x1a")
			k.see("Stopped")
			closed(k)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			k := c.start(p)
			if c.name != "stopped" {
				k.see("UP")
			}
			c.stop(k)
			p.waitFor("everything is gone", p.gone)
		})
	}
}

// nohup is heeded: the command outlives the terminal.
func TestNohup(t *testing.T) {
	p := newPlace(t)
	k := p.bash()
	k.line(`nohup lanyard do 'echo UP; until test -e go; do sleep 0.05; done; echo done >result' >out 2>&1 </dev/null`)
	p.waitFor("the command runs", func() bool { return p.exists("out")() && p.read("out") != "" })
	_ = k.master.Close()
	<-k.ended
	p.write("go", "")
	p.waitFor("its end", p.gone)
	k.want("result", p.read("result"), "done\n")
}

// /dev/console is the terminal, and so is /dev/tty.
func TestConsole(t *testing.T) {
	k := newPlace(t).bash()
	for _, c := range []struct{ line, want string }{
		{`lanyard exec tty`, "/dev/console"},
		{`lanyard do 'echo hi >/dev/console'`, "hi"},
		{`lanyard do 'echo hi >/dev/tty'`, "hi"},
		{`lanyard do 'stty size </dev/console'`, "24 80"},
	} {
		k.want(c.line, k.output(c.line), c.want)
	}
}

// Children of a group have no terminal to push input into or to be stopped by.
func TestGroupHasNoTerminal(t *testing.T) {
	k := newPlace(t).bash()
	k.line("lanyard noterminal")
	k.see("READY> ")
	for _, want := range []string{"/dev/tty: No such device or address", "not a tty", "no console"} {
		if !strings.Contains(k.shown(), want) {
			t.Errorf("%q was not shown", want)
		}
	}
}

// Ctrl-Z stops a group with lanyard, Ctrl-C reaches each child once.
func TestGroupKeys(t *testing.T) {
	k := newPlace(t).bash()
	k.line(`lanyard pair; echo "STA""TUS=$?."`)
	k.see("ready")
	k.see("ready")
	k.keys("\x1a")
	k.see("Stopped")
	k.see("READY> ")
	k.line(`fg; echo "STA""TUS=$?."`)
	k.see("lanyard pair")
	k.p.waitFor("lanyard goes on", func() bool { return state(k.p.one(false)) != "T" })
	k.keys("\x03")
	k.see("got INT")
	k.see("got INT")
	k.want("status", k.see(`STATUS=(\d+)\.\r`)[1], "130")
}
