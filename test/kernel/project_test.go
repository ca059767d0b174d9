package kernel_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// project is a project folder with one container, h, which is this machine's
// system. /work/helper in it is this test binary.
type project struct {
	t   *testing.T
	dir string
}

// newProject makes a project whose commands are given as YAML, indented by two.
func newProject(t *testing.T, commands string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir()}
	if err := os.Link(binary, p.path(helperName)); err != nil {
		t.Fatal(err)
	}
	p.write("lanyard.yaml", "containers:\n  h: {host: true}\ncommands:\n"+strings.TrimPrefix(commands, "\n"))
	return p
}

func (p *project) path(name string) string { return filepath.Join(p.dir, name) }

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// read gives a file's text, "" if there is no such file.
func (p *project) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(p.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	return string(data)
}

// running is one lanyard that was started. All its processes, whatever they
// become, carry its mark; see marked.
type running struct {
	*project
	cmd    *exec.Cmd
	mark   uint64
	stdout string          // file
	stderr string          // file
	before map[string]bool // cgroups and run folders that others had left
	ended  chan struct{}
	status syscall.WaitStatus // valid once ended is closed
}

// start starts lanyard in the project. adjust may change how; its stdout and
// stderr are files.
func (p *project) start(adjust func(*exec.Cmd), args ...string) *running {
	p.t.Helper()
	out := p.t.TempDir()
	r := &running{project: p, stdout: filepath.Join(out, "stdout"), stderr: filepath.Join(out, "stderr"), ended: make(chan struct{})}
	r.cmd = &exec.Cmd{
		Path: p.path(helperName), Args: append([]string{"lanyard"}, args...), Dir: p.dir,
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "XDG_RUNTIME_DIR=" + out},
	}
	stdout, err := os.Create(r.stdout)
	if err != nil {
		p.t.Fatal(err)
	}
	defer stdout.Close()
	stderr, err := os.Create(r.stderr)
	if err != nil {
		p.t.Fatal(err)
	}
	defer stderr.Close()
	r.cmd.Stdout, r.cmd.Stderr = stdout, stderr
	if adjust != nil {
		adjust(r.cmd)
	}
	r.before = map[string]bool{}
	for _, path := range append(emptyCgroups(), deadFolders(r.runBase())...) {
		r.before[path] = true
	}
	if r.mark, err = testkit.StartMarked(r.cmd); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		r.status = r.cmd.ProcessState.Sys().(syscall.WaitStatus)
		close(r.ended)
	}()
	p.t.Cleanup(r.finish)
	return r
}

// appear waits until files are there, which children make once they are ready.
func (r *running) appear(names ...string) {
	r.t.Helper()
	for _, name := range names {
		there := testkit.Until(testkit.Slow(20*time.Second), func() bool {
			if _, err := os.Stat(r.path(name)); err == nil {
				return true
			}
			select {
			case <-r.ended:
				r.t.Fatalf("lanyard ended before the file %s appeared\n%s", name, r.log())
			default:
			}
			return false
		})
		if !there {
			r.t.Fatalf("the file %s does not appear\n%s", name, r.log())
		}
	}
}

func (r *running) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatalf("cannot send %v to lanyard: %v\n%s", sig, err, r.log())
	}
}

// wait waits for lanyard's end, up to limit, made for this machine, and gives
// the exit code that a shell would see.
func (r *running) wait(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.ended:
		return exitOf(r.status)
	case <-time.After(testkit.Slow(limit)):
		r.t.Fatalf("lanyard has not ended after %v\n%s", testkit.Slow(limit), r.log())
		return -1
	}
}

// want waits for lanyard's end with an exit code, and that nothing is left.
func (r *running) want(code int, limit time.Duration) {
	r.t.Helper()
	if got := r.wait(limit); got != code {
		r.t.Errorf("exit code %d, want %d\n%s", got, code, r.log())
	}
	r.nothingLeft()
}

// errors gives what lanyard wrote to stderr so far.
func (r *running) errors() string { return readFile(r.t, r.stderr) }

func (r *running) output() string { return readFile(r.t, r.stdout) }

func (r *running) log() string {
	return "stderr of lanyard:\n" + r.errors() + "stdout:\n" + r.output()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// says fails unless lanyard's stderr has every text.
func (r *running) says(texts ...string) {
	r.t.Helper()
	got := r.errors()
	for _, text := range texts {
		if !strings.Contains(got, text) {
			r.t.Errorf("lanyard does not say %q:\n%s", text, got)
		}
	}
}

// finish ends what a failed test left, and checks what a passed one did.
func (r *running) finish() {
	_ = r.cmd.Process.Kill()
	<-r.ended
	if !r.t.Failed() {
		r.nothingLeft()
	}
	for _, p := range marked(r.mark) {
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
	}
}

// until polls a condition, and fails after limit, made for this machine.
func until(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	if !testkit.Until(testkit.Slow(limit), condition) {
		t.Fatalf("%s: not so after %v", what, testkit.Slow(limit))
	}
}
