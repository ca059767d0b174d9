package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// bound is how long anything may take that a test waits for.
var bound = testkit.Slow(20 * time.Second)

// place is a supervisor's directory.
type place struct {
	t    *testing.T
	base string // holds dir, root, run (XDG_RUNTIME_DIR) and the output
	dir  string // agent.json, rootfs (a link to root); control and container.json come to be
	root string // a root of busybox
	id   string // nobody else's
}

var places atomic.Int64

// newPlace makes a directory with that agent.json.
func newPlace(t *testing.T, agent string) *place {
	t.Helper()
	base := t.TempDir()
	p := &place{
		t: t, base: base, dir: filepath.Join(base, "dir"), root: filepath.Join(base, "root"),
		id: fmt.Sprintf("test-%d-%d", os.Getpid(), places.Add(1)),
	}
	testkit.MakeRoot(t, p.root)
	for _, dir := range []string{p.dir, filepath.Join(base, "run"), filepath.Join(base, "out")} {
		p.must(os.Mkdir(dir, 0o755))
	}
	p.must(os.Symlink(p.root, p.path("rootfs")))
	p.write("agent.json", agent)
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// path gives the path of something in the directory.
func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	p.must(os.WriteFile(p.path(name), []byte(text), 0o644))
}

// volume makes a folder of the host that anybody may write to.
func (p *place) volume(name string) string {
	p.t.Helper()
	path := filepath.Join(p.base, name)
	p.must(os.Mkdir(path, 0o755))
	p.must(os.Chmod(path, 0o777))
	return path
}

// words are the words of harpoon-supervisor for this place and a command.
func (p *place) words(command ...string) []string {
	return append([]string{"--hostname", "box", "--ID", p.id, "--"}, command...)
}

// running is a supervisor that was started. All processes that come of it carry
// its mark, see marked.
type running struct {
	*place
	cmd    *exec.Cmd
	mark   uint64
	stdout string          // file
	stderr string          // file
	before map[string]bool // run folders that others had left
	ended  chan struct{}
	status syscall.WaitStatus // valid once ended is closed
}

// start starts a supervisor as agents do.
func (p *place) start(command ...string) *running {
	p.t.Helper()
	return p.launch(nil, p.words(command...)...)
}

// shell starts a supervisor whose command is a shell script.
func (p *place) shell(script string) *running {
	p.t.Helper()
	return p.start("/bin/sh", "-c", script)
}

var launches atomic.Int64

// launch starts harpoon-supervisor with any words; adjust may change how. Its
// stdin is /dev/null, its stdout and stderr are files.
func (p *place) launch(adjust func(*exec.Cmd), words ...string) *running {
	p.t.Helper()
	n := launches.Add(1)
	r := &running{
		place: p, ended: make(chan struct{}),
		stdout: fmt.Sprintf("%s/out/stdout-%d", p.base, n), stderr: fmt.Sprintf("%s/out/stderr-%d", p.base, n),
	}
	r.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{supervisorName}, words...), Dir: p.dir,
		Env: []string{"PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + filepath.Join(p.base, "run"), "SECRET=inherited"},
	}
	stdout, err := os.Create(r.stdout)
	p.must(err)
	defer stdout.Close()
	stderr, err := os.Create(r.stderr)
	p.must(err)
	defer stderr.Close()
	r.cmd.Stdout, r.cmd.Stderr = stdout, stderr
	if adjust != nil {
		adjust(r.cmd)
	}
	r.before = map[string]bool{}
	for _, folder := range deadFolders(r.runBase()) {
		r.before[folder] = true
	}
	r.mark, err = testkit.StartMarked(r.cmd)
	p.must(err)
	go func() {
		_ = r.cmd.Wait()
		r.status = r.cmd.ProcessState.Sys().(syscall.WaitStatus)
		close(r.ended)
	}()
	p.t.Cleanup(r.finish)
	return r
}

// finish ends what a test left running, and checks what is left of it.
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

// output is what came on the supervisor's stdout so far, errors on its stderr.
func (r *running) output() string { return r.read(r.stdout) }
func (r *running) errors() string { return r.read(r.stderr) }

func (p *place) read(path string) string {
	p.t.Helper()
	data, err := os.ReadFile(path)
	p.must(err)
	return string(data)
}

func (r *running) log() string {
	return "stderr of the supervisor:\n" + r.errors() + "stdout:\n" + r.output()
}

func (r *running) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatalf("cannot send %v to the supervisor: %v\n%s", sig, err, r.log())
	}
}

// killed says whether the supervisor has ended by KILL.
func (r *running) killed() bool {
	select {
	case <-r.ended:
		return r.status.Signaled() && r.status.Signal() == syscall.SIGKILL
	default:
		return false
	}
}

// wait waits for the supervisor's end and gives its exit code as a shell sees it.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(bound):
		r.t.Fatalf("the supervisor has not ended after %v\n%s", bound, r.log())
	}
	if r.status.Signaled() {
		return 128 + int(r.status.Signal())
	}
	return r.status.ExitStatus()
}

// want waits for the supervisor's end with an exit code, and that nothing is left.
func (r *running) want(code int) {
	r.t.Helper()
	if got := r.wait(); got != code {
		r.t.Errorf("exit code %d, want %d\n%s", got, code, r.log())
	}
	r.nothingLeft()
}

// end ends the supervisor in an orderly way, whatever its container does.
func (r *running) end() {
	r.t.Helper()
	conn := r.dial()
	r.must(conn.Kill())
	conn.until("down", func(s client.State) bool { return !s.Up && !s.Restarting })
	r.must(conn.Exit())
	r.want(0)
}

// brief is what a command does whose end is looked at: a client that connects at
// once still hears that it is up.
var brief = fmt.Sprintf("sleep %g", (200*time.Millisecond + testkit.Slow(100*time.Millisecond)).Seconds())

// outputs runs a shell script in the container to its end and gives its output.
func (p *place) outputs(script string) string {
	p.t.Helper()
	r := p.shell(script)
	if s := r.dial().finished(); s.Err != "" || s.ExitStatus != (client.ExitStatus{Exited: true}) {
		p.t.Fatalf("%q: %+v\n%s", script, s, r.log())
	}
	r.end()
	return r.output()
}

// says fails unless the supervisor's stderr has every text.
func (r *running) says(texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		if got := r.errors(); !strings.Contains(got, text) {
			r.t.Errorf("the supervisor does not say %q:\n%s", text, got)
		}
	}
}

// until polls a condition, and fails after bound.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if !testkit.Until(bound, condition) {
		t.Fatalf("%s: not so after %v", what, bound)
	}
}
