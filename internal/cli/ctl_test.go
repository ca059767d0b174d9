package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/control"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// The states that a supervisor of these tests goes through.
var (
	running  = client.State{Up: true, Restarting: true, Metrics: client.Metrics{CPUTime: 2584516, MemoryUsage: 479232, MemoryLimit: 64 << 20}}
	told     = client.State{Up: true, Metrics: running.Metrics}
	ended    = client.State{ExitStatus: client.ExitStatus{Signaled: true, Signal: 15}, Metrics: running.Metrics}
	killed   = client.State{ExitStatus: client.ExitStatus{Signaled: true, Signal: 9}, Metrics: running.Metrics}
	done     = client.State{ExitStatus: client.ExitStatus{Exited: true}}
	failed   = client.State{ExitStatus: client.ExitStatus{Exited: true, ExitStatus: 3}, Restarts: 2}
	hungry   = client.State{ExitStatus: client.ExitStatus{OOMed: true}, OOMs: 1}
	pausing  = client.State{Restarting: true, ExitStatus: client.ExitStatus{Exited: true, ExitStatus: 3}, Restarts: 1}
	hopeless = client.State{Err: "agent.json:1:2: this is wrong\nagent.json:2:3: and \x1b[31mthis"}
)

// actor is a supervisor whose container is made of states: it serves a real
// socket in the working directory.
type actor struct {
	server *control.Server

	mu      sync.Mutex
	version uint64
	heard   []control.Command
}

// act serves the socket in a new folder, which becomes the working directory.
// obey says what the commands do.
func act(t *testing.T, obey func(*actor, control.Command)) *actor {
	t.Helper()
	t.Chdir(t.TempDir())
	return perform(t, obey)
}

// perform serves the socket in the working directory.
func perform(t *testing.T, obey func(*actor, control.Command)) *actor {
	t.Helper()
	server, err := control.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	a := &actor{server: server}
	server.Serve(func(c control.Command) <-chan uint64 {
		a.mu.Lock()
		a.heard = append(a.heard, c)
		a.mu.Unlock()
		if obey != nil {
			obey(a, c)
		}
		done := make(chan uint64)
		close(done)
		return done
	})
	return a
}

// is publishes a state.
func (a *actor) is(s client.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	a.server.Publish(a.version, s)
}

// commands are those that have come.
func (a *actor) commands() []control.Command {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]control.Command(nil), a.heard...)
}

// said is what one call of lanyard ctl says.
type said struct {
	code     int
	out, err string
}

// steer is lanyard ctl with these words in the working directory.
func steer(t *testing.T, words ...string) said {
	t.Helper()
	var out, errors bytes.Buffer
	a := &app{out: bufio.NewWriter(&out), err: &errors, dir: "/box", lookup: func(string) (string, bool) { return "", false }}
	code := a.main(append([]string{"ctl"}, words...))
	a.out.Flush()
	return said{code, out.String(), errors.String()}
}

// is compares what was said; want.err only has to be a part.
func (got said) is(t *testing.T, want said) {
	t.Helper()
	if got.code != want.code || got.out != want.out || !strings.Contains(got.err, want.err) || (want.err == "") != (got.err == "") {
		t.Errorf("got code %d\nout %q\nerr %q\nwant code %d\nout %q\nerr %q", got.code, got.out, got.err, want.code, want.out, want.err)
	}
}

func TestCtlState(t *testing.T) {
	a := act(t, nil)
	tests := []struct {
		state client.State
		text  string
	}{
		{running, "container up\nrestarts  0\nOOMs      0\nmemory    468 KiB of 64 MiB, 1 %\nCPU time  2.6ms\n"},
		{pausing, "container down, to be restarted\nlast end  exited with status 3\nrestarts  1\nOOMs      0\nmemory    not measured\nCPU time  0s\n"},
		{hopeless, "container down\nerror     agent.json:1:2: this is wrong\n          agent.json:2:3: and ?[31mthis\nrestarts  0\nOOMs      0\nmemory    not measured\nCPU time  0s\n"},
	}
	for _, test := range tests {
		a.is(test.state)
		steer(t, "state").is(t, said{out: test.text})
	}
	a.is(running)
	steer(t, "--json", "state").is(t, said{out: `{"up":true,"restarting":true,"container_exit_status":{},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":2584516,"memory_usage":479232,"memory_limit":67108864}}` + "\n"})
}

func TestCtlStateWaitsForTheFirst(t *testing.T) {
	a := act(t, nil)
	var out, errors bytes.Buffer
	c := &ctl{a: &app{out: bufio.NewWriter(&out), err: &errors}, dir: ".", quiet: 50 * time.Millisecond}
	if code := c.state(); code != exitNoAnswer || !strings.Contains(errors.String(), "no state for 50ms") {
		t.Errorf("exit code %d, stderr %q", code, errors.String())
	}
	answer := make(chan said)
	go func() { answer <- steer(t, "state", "--json") }()
	a.is(hungry)
	if got := <-answer; got.code != 0 || !strings.Contains(got.out, `"oomed":true`) {
		t.Errorf("got %+v", got)
	}
}

func TestCtlStopAndKill(t *testing.T) {
	const more = "; lanyard ctl wait waits for its end, lanyard ctl kill forces it\n"
	tests := []struct {
		word          string
		before, after client.State
		out           string
	}{
		{"stop", running, told, "up, told to end" + more},
		{"stop", told, told, "up, told to end" + more},
		{"stop", pausing, failed, "down: exited with status 3, restarts 2\n"},
		{"stop", done, done, "down: exited with status 0\n"},
		{"stop", client.State{Restarting: true}, client.State{}, "down: was stopped before it ran\n"},
		{"kill", running, killed, "down: killed by signal 9 (SIGKILL)\n"},
		{"kill", told, ended, "down: killed by signal 15 (SIGTERM)\n"},
		{"kill", hungry, hungry, "down: killed by the kernel: out of memory, OOMs 1\n"},
	}
	for _, test := range tests {
		a := act(t, func(a *actor, _ control.Command) { a.is(test.after) })
		a.is(test.before)
		steer(t, test.word).is(t, said{out: test.out})
		// Where there is nothing left to do ctl may be done before the command is read.
		for deadline := time.Now().Add(10 * time.Second); len(a.commands()) == 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if got := a.commands(); len(got) != 1 || string(got[0]) != test.word {
			t.Errorf("%s of %s: the supervisor was sent %q", test.word, condition(test.before), got)
		}
	}
}

func TestCtlKillWaitsForTheEnd(t *testing.T) {
	a := act(t, func(a *actor, _ control.Command) {
		a.is(told)
		a.is(killed)
	})
	a.is(running)
	steer(t, "kill", "--json").is(t, said{out: `{"up":false,"restarting":false,"container_exit_status":{"signaled":true,"signal":9},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":2584516,"memory_usage":479232,"memory_limit":67108864}}` + "\n"})
}

func TestCtlExit(t *testing.T) {
	a := act(t, func(a *actor, _ control.Command) { go a.server.Close() })
	for _, s := range []client.State{running, told, pausing} {
		a.is(s)
		steer(t, "exit").is(t, said{code: exitNoEffect, err: "the supervisor in /box goes on, because its container is " + condition(s) + "; end that first: lanyard ctl stop"})
	}
	if got := a.commands(); len(got) > 0 {
		t.Errorf("the supervisor was sent %q", got)
	}
	a.is(done)
	steer(t, "exit").is(t, said{out: "the supervisor has ended; its container was down: exited with status 0\n"})
	steer(t, "exit").is(t, said{code: run.ExitNotStarted, err: "no supervisor is running in /box: there is no socket called control"})
}

func TestCtlWait(t *testing.T) {
	tests := []struct {
		end  client.State
		code int
		out  string
	}{
		{done, 0, "down: exited with status 0\n"},
		{failed, 3, "down: exited with status 3, restarts 2\n"},
		{ended, 143, "down: killed by signal 15 (SIGTERM)\n"},
		{hungry, 137, "down: killed by the kernel: out of memory, OOMs 1\n"},
		{hopeless, run.ExitNotStarted, "down: could not be started: agent.json:1:2: this is wrong …\n"},
	}
	for _, test := range tests {
		a := act(t, nil)
		answer := make(chan said)
		go func() { answer <- steer(t, "wait") }()
		a.is(running)
		a.is(pausing)
		a.is(test.end)
		(<-answer).is(t, said{code: test.code, out: test.out})
	}
}

func TestCtlSaysThatTheSupervisorWentAway(t *testing.T) {
	for _, word := range []string{"stop", "kill", "wait"} {
		a := act(t, nil)
		a.is(running)
		answer := make(chan said)
		go func() { answer <- steer(t, word) }()
		if word != "wait" {
			for len(a.commands()) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		a.server.Close()
		got := <-answer
		// A wait may also come too late to be connected at all.
		if got.code != exitNoAnswer && !(word == "wait" && got.code == run.ExitNotStarted) || !strings.Contains(got.err, "supervisor") {
			t.Errorf("%s: got %+v", word, got)
		}
	}
}

func TestCtlWithoutASupervisor(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, word := range []string{"state", "stop", "kill", "exit", "wait"} {
		steer(t, word).is(t, said{code: run.ExitNotStarted, err: "no supervisor is running in /box: there is no socket called control; name another directory with -C DIR"})
		steer(t, word, "-C", "gone").is(t, said{code: run.ExitNotStarted, err: "there is no directory /box/gone"})
	}
	steer(t, "watch", "--directory=/no/such/place").is(t, said{code: run.ExitNotStarted, err: "there is no directory /no/such/place"})
	leaveDeadSocket(t)
	steer(t, "state").is(t, said{code: run.ExitNotStarted, err: "nobody listens on its socket control, which a dead one left"})
}

func TestCtlWrongWords(t *testing.T) {
	tests := []struct{ words, err string }{
		{"", "ctl needs state|watch|stop|kill|exit|wait"},
		{"wtch", `ctl has no "wtch" (did you mean watch?)`},
		{"state more", `"more" is one word too many`},
		{"state --jso", "unknown option --jso (did you mean --json?)"},
		{"state -C", "--directory needs a value: DIR"},
		{"state -C=", "--directory is empty"},
	}
	for _, test := range tests {
		got := steer(t, strings.Fields(test.words)...)
		got.is(t, said{code: run.ExitUsage, err: test.err})
		if !strings.Contains(got.err, "usage: lanyard ctl [OPTION...] state|watch|stop|kill|exit|wait\n") {
			t.Errorf("%q: no usage in %q", test.words, got.err)
		}
	}
	if got := steer(t, "wtch", "--help"); got.code != 0 || !strings.HasPrefix(got.out, "Usage: lanyard ctl ") {
		t.Errorf("help: %+v", got)
	}
}

func TestBytesAndTimesForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 bytes", 1023: "1023 bytes", 1 << 10: "1 KiB", 479232: "468 KiB", 1<<20 - 1: "1 MiB", 1536 << 20: "1.5 GiB", 1<<64 - 1: "16 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for ns, want := range map[uint64]string{0: "0s", 2584516: "2.6ms", 4212345678: "4.21s", 61e9 + 5: "1m1s", 1<<64 - 1: "1281023h53m38s"} {
		if got := cpuText(ns); got != want {
			t.Errorf("%d ns: got %s, want %s", ns, got, want)
		}
	}
	if got := memoryText(client.Metrics{MemoryUsage: 2 << 20, MemoryLimit: 9223372036854771712}); got != "2 MiB, no limit" {
		t.Errorf("without a limit: %s", got)
	}
}

func TestCtlNotPermitted(t *testing.T) {
	c := &ctl{a: &app{dir: "/srv"}, dir: "box"}
	err := fmt.Errorf("cannot connect: %w", fs.ErrPermission)
	if got, want := c.why(err), "not permitted to talk to the supervisor in /srv/box: do it as the user that runs it, or as root"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
