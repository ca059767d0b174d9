package terminal_test

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// In a pipeline, and with files for input and output, nothing is stopped, said
// or left behind.
func TestPipelines(t *testing.T) {
	p := newPlace(t)
	p.write("input", "from a file\n")
	k := p.bash()
	before := k.output("stty -g")
	for _, c := range []struct{ line, want string }{
		{`lanyard do 'echo hello' | cat`, "hello"},
		{`echo x | lanyard exec cat`, "x"},
		{`echo x | lanyard exec cat | cat`, "x"},
		{`lanyard exec cat <input`, "from a file"},
		{`lanyard exec cat <input >output; cat output`, "from a file"},
		{`lanyard exec cat <input 2>&1 | lanyard exec cat`, "from a file"},
		{`TERM=dumb lanyard do 'echo $TERM'`, "dumb"},
		{`lanyard do 'test -t 0 || echo none' </dev/null 2>&1 | cat`, "none"},
		{`lanyard do 'stty size </dev/tty' | cat`, "24 80"},
	} {
		k.want(c.line, k.output(c.line), c.want)
	}
	k.want("settings", k.output("stty -g"), before)
}

// A command in a pipeline is given the terminal when it asks for it, also with
// no descriptor of it, and gives it back.
func TestAskInPipeline(t *testing.T) {
	for _, line := range []string{
		`echo x | lanyard do 'echo U""P >&2; read x </dev/tty; echo got $x'`,
		`lanyard do 'echo U""P >&2; read x; echo got $x' | cat`,
		`lanyard do 'echo U""P >/dev/tty; read x </dev/tty; echo got $x >/dev/tty' </dev/null 2>out >/dev/null`,
	} {
		t.Run(line, func(t *testing.T) {
			k := newPlace(t).bash()
			before := k.output("stty -g")
			k.line(line)
			k.see("UP")
			command := k.p.command()
			// And has been continued: the CONT takes back a stop that came before it.
			k.p.waitFor("the command has the terminal", func() bool { return k.foreground() == command && !stopped(command) })
			k.keys("\x1a")
			k.see("Stopped")
			k.want("settings", k.output("stty -g"), before)
			k.line("fg")
			k.p.waitFor("the command has the terminal", func() bool { return k.foreground() == command })
			k.line("hello")
			k.see("got hello")
			k.see("READY> ")
			k.want("settings", k.output("stty -g"), before)
		})
	}
}

func stopped(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") T ")
}

// A pager behind lanyard reads its keys from the terminal too.
func TestPager(t *testing.T) {
	testkit.RequireTool(t, "less")
	k := newPlace(t).bash()
	before := k.output("stty -g")
	k.line(`lanyard do 'i=0; while [ $i -lt 500 ]; do echo line $i.; i=$((i+1)); done' | LESS= TERM=vt100 less`)
	k.see(`line 20\.`)
	k.keys(" ")
	k.see(`line 40\.`)
	k.keys("q")
	k.see("READY> ")
	k.want("settings", k.output("stty -g"), before)

	// Even if the command has taken the terminal meanwhile.
	k.line(`lanyard do 'read x </dev/tty; echo got $x.; while :; do echo line $x; sleep 0.05; done' | LESS= TERM=vt100 less`)
	command := k.p.command()
	k.p.waitFor("the command has the terminal", func() bool { return k.foreground() == command })
	k.line("hello")
	k.see(`got hello\.`)
	k.keys("q")
	k.see("READY> ")
	k.want("settings", k.output("stty -g"), before)
}

// Keys of a command whose descriptors are all files still work.
func TestKeysWithFiles(t *testing.T) {
	k := newPlace(t).bash()
	k.line(`lanyard exec sleep 1000 </dev/null >out 2>&1; echo "STA""TUS=$?."`)
	k.p.named("sleep")
	k.keys("\x1a")
	k.see("Stopped")
	k.see("READY> ")
	k.line(`fg; echo "STA""TUS=$?."`)
	k.see("lanyard exec")
	k.p.waitFor("the command goes on", func() bool { return state(k.p.named("sleep")) != "T" })
	k.keys("\x03")
	k.want("status", k.see(`STATUS=(\d+)\.\r`)[1], "130")
}

// Without any terminal there is no error and no word about it.
func TestNoTerminal(t *testing.T) {
	p := newPlace(t)
	for _, input := range []string{"", "hello\n"} {
		cmd := exec.Command(p.dir+"/bin/lanyard", "do", `cat; test -e /dev/console || echo no console; { cat </dev/tty; } 2>/dev/null || echo no tty`)
		cmd.Dir, cmd.Env = p.dir, p.env()
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(input), &out, &errs
		if err := cmd.Run(); err != nil || errs.Len() > 0 {
			t.Errorf("%v, stderr %q", err, errs.String())
		}
		if want := input + "no console\nno tty\n"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
