// Package terminal_test runs a single command in a real terminal, below real
// shells, as a person at the keyboard does: job control, signals, pipelines,
// and a terminal that is as it was afterwards. The test binary itself is
// lanyard in them.
package terminal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "lanyard" {
		os.Exit(cli.Main("lanyard", os.Args[1:]))
	}
	os.Exit(m.Run())
}

// patience bounds every wait; it is far above what anything here takes.
var patience = testkit.Slow(20 * time.Second)

const project = `
containers:
  host:
    host: true
    environ: {TERM: dumb, HOME: /tmp, LANYARD_TEST_MARK: %q}
commands:
  do: !Command
    container: host
    accepts-arguments: true
    run: [sh, -c, 'eval "$1"', sh]
  exec: !Command
    container: host
    accepts-arguments: true
    run: [env]
  missing: !Command
    container: host
    run: [/no/such/program]
  pair: !Supervise
    children:
      one: !Command
        container: host
        run: "trap 'echo got INT; exit 0' INT; echo ready; while :; do sleep 0.05; done"
      two: !Command
        container: host
        run: "trap 'echo got INT; exit 0' INT; echo ready; while :; do sleep 0.05; done"
  noterminal: !Supervise
    children:
      only: !Command
        container: host
        run: "cat </dev/tty; tty; test -e /dev/console || echo no console"
`

// place is a project, and a PATH with lanyard on it.
type place struct {
	t    *testing.T
	dir  string
	mark string
}

func newPlace(t *testing.T) *place {
	testkit.Require(t, testkit.Pty, testkit.UserNS)
	t.Parallel()
	p := &place{t: t, dir: t.TempDir()}
	p.mark = fmt.Sprintf("%s-%d-%d", t.Name(), os.Getpid(), time.Now().UnixNano())
	exe, err := os.Executable()
	p.check(err)
	p.check(os.Mkdir(filepath.Join(p.dir, "bin"), 0o755))
	p.check(os.Symlink(exe, filepath.Join(p.dir, "bin", "lanyard")))
	p.write("lanyard.yaml", fmt.Sprintf(project, p.mark))
	t.Cleanup(p.nothingLeft)
	return p
}

func (p *place) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) write(name, content string) {
	p.t.Helper()
	p.check(os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o644))
}

func (p *place) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	p.check(err)
	return string(data)
}

func (p *place) exists(name string) func() bool {
	return func() bool {
		_, err := os.Stat(filepath.Join(p.dir, name))
		return err == nil
	}
}

func (p *place) env() []string {
	return []string{
		"PATH=" + filepath.Join(p.dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + p.dir, "TERM=dumb",
		"LANYARD_TEST_MARK=" + p.mark, "PS1=READY> ", "INPUTRC=/dev/null", "HISTFILE=/dev/null", "LC_ALL=C",
	}
}

// waitFor polls until done is true.
func (p *place) waitFor(what string, done func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("timeout: %s", what)
		}
	}
}

// pids gives this test's processes: those in a container, or lanyards outside.
// A container's init is neither: before its exec it shows lanyard's environment.
func (p *place) pids(inside bool) []int {
	var out []int
	for _, pid := range testkit.Pids("LANYARD_TEST_MARK=" + p.mark) {
		levels := strings.Fields(status(pid, "NSpid:"))
		if len(levels) == 0 || levels[len(levels)-1] == "1" {
			continue
		}
		contained := len(levels) > len(strings.Fields(status(os.Getpid(), "NSpid:")))
		lanyard := strings.TrimSpace(status(pid, "Name:")) == "lanyard"
		if (inside && contained) || (!inside && lanyard && !contained) {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}

// one waits for exactly one such process and gives its pid.
func (p *place) one(inside bool) (pid int) {
	p.t.Helper()
	p.waitFor(fmt.Sprintf("one process (inside: %v)", inside), func() bool {
		pids := p.pids(inside)
		if len(pids) == 1 {
			pid = pids[0]
		}
		return len(pids) == 1
	})
	return pid
}

// command waits for a command that runs in the container and gives its pid, not
// that of a process that it has started.
func (p *place) command() (pid int) {
	p.t.Helper()
	p.waitFor("a process in the container", func() bool {
		pids := p.pids(true)
		for _, candidate := range pids {
			if up := parent(candidate); up != 0 && !slices.Contains(pids, up) {
				pid = candidate
			}
		}
		return pid != 0
	})
	return pid
}

// named waits for a program in the container: from its exec on, when no shell
// stands between it and a signal any more.
func (p *place) named(name string) (pid int) {
	p.t.Helper()
	p.waitFor(name+" in the container", func() bool {
		for _, candidate := range p.pids(true) {
			if status(candidate, "Name:") == name {
				pid = candidate
			}
		}
		return pid != 0
	})
	return pid
}

func (p *place) gone() bool { return len(testkit.Pids("LANYARD_TEST_MARK="+p.mark)) == 0 }

func (p *place) nothingLeft() {
	deadline := time.Now().Add(patience)
	for !p.gone() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if !p.gone() {
		for _, pid := range testkit.Pids("LANYARD_TEST_MARK=" + p.mark) {
			p.t.Errorf("left over: %d %s", pid, status(pid, "Name:"))
		}
	}
}

// status is one line of /proc/PID/status.
func status(pid int, name string) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// state is the letter of a process's state (proc(5)); "" if it is gone.
func state(pid int) string {
	letter, _, _ := strings.Cut(status(pid, "State:"), " ")
	return letter
}

// parent gives the pid of a process's parent; 0 once it is gone.
func parent(pid int) int {
	n, _ := strconv.Atoi(status(pid, "PPid:"))
	return n
}
