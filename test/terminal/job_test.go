package terminal_test

import (
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// stops is a command that changes the terminal's settings and says where it is.
const stops = `lanyard do 'stty -echo -icanon; echo RUN""NING; exec sleep 1000'`

// Ctrl-Z stops lanyard with its command, the shell gets the terminal as it was;
// fg brings back the command's settings, bg leaves it in the background.
func TestStopAndContinue(t *testing.T) { stopAndContinue(t, false) }

// TestStopAndContinueLater: the same, once the keeper is the container's PID 1.
func TestStopAndContinueLater(t *testing.T) { stopAndContinue(t, runtime.GOARCH == "amd64") }

func stopAndContinue(t *testing.T, later bool) {
	k := newPlace(t).bash()
	before := k.output("stty -g")
	k.line(stops)
	k.see("RUNNING")
	command := k.p.named("sleep")
	if later {
		k.p.waitFor("the keeper", func() bool { return status(parent(command), "Threads:") == "1" })
	}
	k.keys("\x1a")
	k.see(`\[1\]\+ +Stopped +lanyard`)
	k.want("settings after Ctrl-Z", k.output("stty -g"), before)
	k.want("state of the command", state(command), "T")

	k.line("fg")
	k.p.waitFor("the command's settings after fg", func() bool {
		return !k.echoes() && k.foreground() == command
	})
	k.p.waitFor("the command goes on", func() bool { return state(command) != "T" })

	k.keys("\x1a")
	k.see(`\[1\]\+ +Stopped +lanyard`)
	k.line("bg")
	k.p.waitFor("the command goes on", func() bool { return state(command) != "T" })
	k.want("settings after bg", k.output("stty -g"), before)
	if got := k.output("jobs"); !strings.Contains(got, "Running") {
		t.Errorf("jobs after bg: %s", got)
	}
	k.line("kill %1")
	k.ends("143")
	k.want("settings at the end", k.output("stty -g"), before)
}

// A shell inside has job control of its own, and its keys are its own affair.
func TestShellInside(t *testing.T) {
	k := newPlace(t).bash()
	before := k.output("stty -g")
	k.line("lanyard exec PS1='INN''ER> ' bash --norc --noprofile -i")
	k.see("INNER> ")
	k.line("sleep 1000")
	k.p.waitFor("the inner job has the terminal", func() bool { return k.foreground() == k.p.named("sleep") })
	k.keys("\x03")
	k.see("INNER> ")
	k.line("sleep 1000")
	k.p.waitFor("the inner job has the terminal", func() bool { return k.foreground() == k.p.named("sleep") })
	k.keys("\x1a")
	k.see(`\[1\]\+ +Stopped +sleep 1000`)
	k.see("INNER> ")
	if lanyard := k.p.one(false); state(lanyard) == "T" {
		t.Error("lanyard was stopped by the inner shell's Ctrl-Z")
	}
	k.line("kill %1; fg")
	k.see("INNER> ")

	// suspend stops the inner shell itself, and then lanyard too.
	k.line("suspend -f")
	k.see(`\[1\]\+ +Stopped`)
	k.want("settings after suspend", k.output("stty -g"), before)
	k.line("fg")
	k.see("INNER> ")
	k.line("exit 7")
	k.want("status of the inner shell", k.ask("(exit $?)"), "7")
	k.want("settings at the end", k.output("stty -g"), before)
	for _, warning := range []string{"no job control", "cannot set terminal process group"} {
		if strings.Contains(k.shown(), warning) {
			t.Errorf("the inner shell says %q", warning)
		}
	}
}

// Ctrl-C and Ctrl-\ reach the command only; the status is the command's own.
func TestKeys(t *testing.T) {
	k := newPlace(t).bash()
	for _, c := range []struct{ script, key, want string }{
		{`exec sleep 1000`, "\x03", "130"},
		{`ulimit -c 0; exec sleep 1000`, "\x1c", "131"},
		{`trap "exit 5" INT; echo U""P; while :; do sleep 0.05; done`, "\x03", "5"},
		{`trap "exit 6" QUIT; echo U""P; while :; do sleep 0.05; done`, "\x1c", "6"},
	} {
		k.line(`lanyard do '` + c.script + `'; echo "STA""TUS=$?."`)
		if strings.Contains(c.script, "exec") {
			k.p.named("sleep")
		} else {
			k.see("UP\r\n")
		}
		k.keys(c.key)
		k.want(c.script, k.see(`STATUS=(\d+)\.`)[1], c.want)
	}
	// Three of the keys do not kill a command that does not want to end.
	k.line(`lanyard do 'trap "echo GO""T" INT; echo U""P; while :; do sleep 0.05; done'; echo "STA""TUS=$?."`)
	k.see("UP\r\n")
	for range 3 {
		k.keys("\x03")
		k.see("GOT")
	}
	k.p.check(syscall.Kill(k.p.one(false), syscall.SIGTERM))
	k.want("status", k.see(`STATUS=(\d+)\.`)[1], "143")
}

// The window's size is right inside, and WINCH tells of a change.
func TestWindowSize(t *testing.T) {
	k := newPlace(t).bash()
	k.resize(101, 33)
	k.line(`lanyard do 'trap "stty size; exit" WINCH; stty size; echo U""P; while :; do sleep 0.05; done'`)
	k.see("33 101")
	k.see("UP")
	k.resize(77, 44)
	k.see("44 77")
	k.see("READY> ")
}

// A command that lanyard's shell put into the background does not take the
// terminal; reading from it stops the job as it would any other.
func TestBackground(t *testing.T) {
	k := newPlace(t).bash()
	before := k.output("stty -g")
	k.line(`lanyard do 'read x; echo got "$x"' &`)
	k.see("READY> ")
	command := k.p.command()
	k.p.waitFor("the command stops", func() bool { return state(command) == "T" })
	k.p.waitFor("lanyard stops", func() bool { return state(k.p.one(false)) == "T" })
	k.p.waitFor("the shell sees it", func() bool { return strings.Contains(k.output("jobs"), "Stopped") })
	k.line("fg")
	k.p.waitFor("the command has the terminal", func() bool { return k.foreground() == command })
	k.line("hello")
	k.see("got hello")
	k.see("READY> ")

	// fg of a job that runs sends no CONT: the terminal is asked for later.
	k.line(`lanyard do 'until test -e go; do sleep 0.02; done; read x; echo got "$x"' &`)
	k.see("READY> ")
	command = k.p.command()
	k.line("fg")
	k.see("lanyard do")
	k.p.waitFor("lanyard's job in the foreground", func() bool { return k.foreground() == k.p.one(false) })
	k.p.write("go", "")
	k.p.waitFor("the command has the terminal", func() bool { return k.foreground() == command })
	k.line("again")
	k.see("got again")
	k.see("READY> ")
	k.want("settings at the end", k.output("stty -g"), before)
}

// A lanyard that was stopped from outside loses the terminal to the shell, and
// does not take it when it ends in the background.
func TestStoppedFromOutside(t *testing.T) {
	k := newPlace(t).bash()
	before := k.output("stty -g")
	k.line(`lanyard do 'echo U""P; until test -e go; do sleep 0.02; done'`)
	k.see("UP")
	lanyard := k.p.one(false)
	k.p.check(syscall.Kill(lanyard, syscall.SIGSTOP))
	k.see("Stopped")
	k.line("bg")
	k.see("READY> ")
	k.p.waitFor("lanyard goes on", func() bool { return state(lanyard) != "T" })
	k.p.write("go", "")
	k.want("status", k.ask("wait"), "0")
	k.want("settings at the end", k.output("stty -g"), before)

	// TSTP by kill stops both, as the key does.
	k.line(`lanyard do 'exec sleep 1000'`)
	k.p.named("sleep")
	k.p.check(syscall.Kill(k.p.one(false), syscall.SIGTSTP))
	k.see("Stopped")
	k.line("kill %1")
	k.ends("143")
}

// Without a shell above nobody could continue a stopped lanyard: Ctrl-Z has no
// effect then, as for any program.
func TestStopWithoutShell(t *testing.T) {
	k := newPlace(t).at("lanyard", "do", `echo U""P; while read x; do echo got "$x"; done`)
	k.see("UP")
	k.keys("\x1a")
	k.line("hello")
	k.see("got hello")
	k.keys("\x04")
	<-k.ended
	k.want("status", k.leader.ProcessState.String(), "exit status 0")
}

// A group at a terminal without a shell is not stopped for ever either.
func TestStopGroupWithoutShell(t *testing.T) {
	k := newPlace(t).at("lanyard", "pair")
	k.see("ready")
	k.see("ready")
	k.keys("\x1a")
	k.see(`\^Z`)
	k.keys("\x03")
	<-k.ended
	k.want("status", k.leader.ProcessState.String(), "exit status 130")
}

// In a background that no shell can bring forward a command that wants the
// terminal is not left stopped, and not in silence.
func TestStopWithoutHope(t *testing.T) {
	k := newPlace(t).bash()
	k.line(`(lanyard do 'trap "" HUP; until test -e go; do sleep 0.05; done; read x </dev/tty' &)`)
	k.see("READY> ")
	command := k.p.command()
	k.p.waitFor("lanyard has lost its shell", func() bool { return status(k.p.one(false), "PPid:") != "" && !k.child(k.p.one(false)) })
	k.p.write("go", "")
	k.see("wants to use the terminal from the background")
	k.p.waitFor("its end", func() bool { return state(command) == "" })
}

// child says whether a process's parent is one of this test's.
func (k *keyboard) child(pid int) bool {
	parent := status(pid, "PPid:")
	for _, other := range testkit.Pids("LANYARD_TEST_MARK=" + k.p.mark) {
		if parent == strconv.Itoa(other) {
			return true
		}
	}
	return false
}
