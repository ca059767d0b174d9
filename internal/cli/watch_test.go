package cli

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// leaveDeadSocket leaves what a supervisor that was killed leaves.
func leaveDeadSocket(t *testing.T) {
	t.Helper()
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: "control", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
}

// noon is when everything in these tests begins.
var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestWatchLines(t *testing.T) {
	var out, complaints bytes.Buffer
	c := &ctl{a: &app{out: bufio.NewWriter(&out), err: &complaints, dir: "/box"}, dir: "."}
	busy := running
	busy.Metrics.CPUTime++
	all := []news{
		{err: client.ErrNotRunning}, {err: client.ErrNotRunning}, {state: running}, {state: busy},
		{state: pausing}, {err: io.EOF}, {err: client.ErrNotRunning}, {state: pausing}, {state: hopeless},
	}
	show := func() {
		l := &lines{c: c}
		for i, n := range all {
			n.at = noon.Add(time.Duration(i) * time.Second)
			l.show(n)
		}
		c.a.out.Flush()
	}
	show()
	want := `2030-01-02T12:00:00.000Z no supervisor is running in /box; waiting for one
2030-01-02T12:00:02.000Z up
2030-01-02T12:00:04.000Z down, to be restarted: exited with status 3, restarts 1
2030-01-02T12:00:05.000Z the supervisor in /box has ended; waiting for the next
2030-01-02T12:00:07.000Z down, to be restarted: exited with status 3, restarts 1
2030-01-02T12:00:08.000Z down: could not be started: agent.json:1:2: this is wrong …
`
	if got := out.String(); got != want || complaints.Len() > 0 {
		t.Errorf("got:\n%swant:\n%sstderr: %s", got, want, complaints.String())
	}
	out.Reset()
	c.json = true
	show()
	if got := out.String(); strings.Count(got, "\n") != 5 || strings.Count(got, `{"up":`) != 5 {
		t.Errorf("as JSON:\n%s", got)
	}
	if got := strings.Count(complaints.String(), "waiting for"); got != 2 {
		t.Errorf("away is told %d times:\n%s", got, complaints.String())
	}
}

func TestMeter(t *testing.T) {
	var m meter
	steps := []struct {
		at   time.Duration
		used time.Duration
		want string
	}{
		{0, 10 * time.Second, "known in a few seconds"},
		{100 * time.Millisecond, 11 * time.Second, "known in a few seconds"}, // too soon to tell
		{2 * time.Second, 11 * time.Second, "50.0 % of one CPU"},
		{4 * time.Second, 15 * time.Second, "200.0 % of one CPU"},
		{5 * time.Second, 15 * time.Second, "0.0 % of one CPU"},
		{6 * time.Second, time.Second, "known in a few seconds"}, // another supervisor
		{7 * time.Second, 1500 * time.Millisecond, "50.0 % of one CPU"},
	}
	for i, step := range steps {
		m.add(noon.Add(step.at), uint64(step.used))
		if got := m.text(true); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
	}
}

func TestMemoryBar(t *testing.T) {
	half := client.Metrics{MemoryUsage: 32 << 20, MemoryLimit: 64 << 20}
	for columns, want := range map[int]string{200: "[###############...............] ", 52: "[#####.....] ", 40: "", 1: ""} {
		if got := memoryBar(half, columns); got != want {
			t.Errorf("%d columns: got %q, want %q", columns, got, want)
		}
	}
	if got := memoryBar(client.Metrics{MemoryUsage: 1, MemoryLimit: 9223372036854771712}, 80); got != "" {
		t.Errorf("without a limit: %q", got)
	}
}

// tmux is a real terminal of 90 columns and 20 rows in which a shell runs.
func tmux(t *testing.T, dir string, env []string) func(args ...string) string {
	testkit.RequireTool(t, "tmux")
	sockets, err := os.MkdirTemp("", "tmux") // whose path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	call := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("tmux", append([]string{"-f", "/dev/null", "-S", filepath.Join(sockets, "s")}, args...)...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	call("new-session", "-d", "-x", "90", "-y", "20", "bash", "--norc", "--noprofile", "-i")
	t.Cleanup(func() { call("kill-server") })
	return call
}

func TestWatchOnATerminal(t *testing.T) {
	dir, env := project(t)
	t.Chdir(dir)
	call := tmux(t, dir, append(env, "PS1=READY> ", "NO_COLOR=1", "LC_ALL=C.UTF-8", "HISTFILE=")) // a history would come into dir after its removal began
	see := func(want ...string) (screen string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			screen = call("capture-pane", "-p")
			missing := ""
			for _, text := range want {
				if !strings.Contains(screen, text) {
					missing = text
				}
			}
			switch {
			case missing == "":
				return screen
			case time.Now().After(end):
				t.Fatalf("%q is not on the screen:\n%s", missing, screen)
			}
		}
	}
	see("READY>")
	call("send-keys", `lanyard ctl watch; echo "CO""DE=$?"`, "Enter")
	see("no supervisor is running in "+dir[:5], "supervisor away for at least ")
	a := perform(t, nil)
	a.is(running)
	see("  up\n", "container up for at least ", "memory    [..............................] 468 KiB of 64 MiB, 1 %\n", "CPU time  2.6ms\n")
	a.is(pausing)
	see("  down, to be restarted: exited with status 3, restarts 1\n", "container down, to be restarted for ", "last end  exited with status 3\n")
	again := running
	again.Restarts = 2
	fromNow := sinceNow(t)
	a.is(again)
	screen := see("  up, restarts 2\n", "container up for ", "restarts  2\n", "last end  exited with status 3\n")
	fromNow(screen, "container up for ")
	if n := strings.Count(screen, "container "); n != 1 {
		t.Errorf("the view is there %d times:\n%s", n, screen)
	}
	call("resize-window", "-x", "40", "-y", "20")
	fromNow = sinceNow(t)
	a.is(hungry)
	screen = see("container down for ", "OOMs      1\n", "last end  killed by the kernel: out of")
	fromNow(screen, "container down for ")
	if n := strings.Count(screen, "OOMs      "); n != 1 {
		t.Errorf("after the terminal became narrower the view is there %d times:\n%s", n, screen)
	}
	a.server.Close()
	see("supervisor away for ")
	call("send-keys", "C-c")
	see("\nCODE=130\n")
	call("send-keys", `stty -a | grep -c ' echo '; printf '%60s\n' wrapped`, "Enter")
	see("\n1\n", "\n             wrapped\n")
}

// sinceNow gives a check of a duration on the screen: it is exact, not "at least",
// and no longer than it is since now.
func sinceNow(t *testing.T) func(screen, label string) {
	begun := time.Now()
	return func(screen, label string) {
		t.Helper()
		_, rest, _ := strings.Cut(screen, label)
		text, _, _ := strings.Cut(rest, "\n")
		if took, err := time.ParseDuration(text); err != nil || took > time.Since(begun) {
			t.Errorf("%s%s: %v, but it is so for %v at most", label, text, err, time.Since(begun))
		}
	}
}

// TestWatchEndsWithItsReader has a reader that goes away, as head does.
func TestWatchEndsWithItsReader(t *testing.T) {
	a := act(t, nil)
	a.is(running)
	c := &ctl{a: &app{out: bufio.NewWriter(brokenPipe{}), err: io.Discard, dir: "/box"}, dir: "."}
	if code := c.watch(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
