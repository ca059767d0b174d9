package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Main is a TestMain for tests that use a Project: called as lanyard the
// binary is lanyard, and never runs a test.
func Main(m *testing.M, lanyard func(name string, args []string) int) {
	if filepath.Base(os.Args[0]) == "lanyard" {
		os.Exit(lanyard("lanyard", os.Args[1:]))
	}
	os.Exit(m.Run())
}

// limit bounds one lanyard.
const limit = 60 * time.Second

// Project lets a test run real containers: a folder with a project file and a
// small root of busybox beside it, in which the test binary itself is lanyard,
// and the proof that a run left nothing.
type Project struct {
	Dir    string   // of lanyard.yaml
	Root   string   // a root with busybox and what every system has; its owner may change it
	Config string   // $XDG_CONFIG_HOME of every lanyard
	Env    []string // added to the environment of every lanyard

	t    testing.TB
	mark string
}

var marks atomic.Int64

// NewProject makes a project. In yaml, its project file, ROOT stands for the root and
// DIR for the project's folder.
func NewProject(t testing.TB, yaml string) *Project {
	t.Helper()
	dir := t.TempDir()
	p := &Project{
		Dir: filepath.Join(dir, "project"), Root: filepath.Join(dir, "root"), Config: filepath.Join(dir, "config"),
		t: t, mark: fmt.Sprintf("%d-%d", os.Getpid(), marks.Add(1)),
	}
	for _, d := range []string{p.Dir, p.Config, filepath.Join(dir, "run")} {
		p.must(os.Mkdir(d, 0o755))
	}
	MakeRoot(t, p.Root)
	p.Write("lanyard.yaml", strings.NewReplacer("ROOT", p.Root, "DIR", p.Dir).Replace(yaml))
	t.Cleanup(p.nothingLeft)
	return p
}

// applets are the programs of a root.
var applets = []string{
	"sh", "cat", "ls", "id", "env", "grep", "head", "test", "true", "false", "echo", "touch", "mkdir", "mount", "stat", "rm", "dd",
	"sleep", "kill", "readlink", "find", "wc", "seq", "ps", "chmod", "ln", "mv", "sort", "pwd", "tail", "yes", "sha1sum", "mkfifo", "sed", "tr", "mknod", "cp",
}

// MakeRoot makes a root at path, which must not exist.
func MakeRoot(t testing.TB, path string) {
	t.Helper()
	if err := BuildRoot(path, RequireTool(t, "busybox")); err != nil {
		t.Fatal(err)
	}
}

// BuildRoot makes a root at path, which must not exist, of the program busybox:
// for programs that are no tests.
func BuildRoot(path, busybox string) error {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	for _, dir := range []string{"", "/bin", "/etc", "/root", "/tmp"} {
		if err := os.Mkdir(path+dir, 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"bin/busybox": string(program), "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	for _, name := range applets {
		if err := os.Symlink("busybox", filepath.Join(path, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// Path gives the path of something in the project.
func (p *Project) Path(name string) string { return filepath.Join(p.Dir, name) }

// Write writes a file of the project, whose folders it makes.
func (p *Project) Write(name, text string) {
	p.t.Helper()
	p.must(os.MkdirAll(filepath.Dir(p.Path(name)), 0o755))
	p.must(os.WriteFile(p.Path(name), []byte(text), 0o644))
}

// Result is what a lanyard did.
type Result struct {
	Code     int // as a shell would see it
	Out, Err string
}

// Run runs lanyard in the project to its end.
func (p *Project) Run(args ...string) Result {
	p.t.Helper()
	r, err := p.TryRun(args...)
	p.must(err)
	return r
}

// TryRun is Run for goroutines, which must not fail a test.
func (p *Project) TryRun(args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Slow(limit))
	defer cancel()
	cmd := p.Command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("lanyard %q did not end within %v\n%s%s", args, limit, out.String(), errs.String())
	}
	if err != nil && !errors.As(err, &exit) {
		return Result{}, err
	}
	r := Result{Code: cmd.ProcessState.ExitCode(), Out: out.String(), Err: errs.String()}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		r.Code = 128 + int(ws.Signal())
	}
	return r, nil
}

// Command is a lanyard in the project, not started yet; without a terminal.
func (p *Project) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = append([]string{"lanyard"}, args...)
	cmd.Dir = p.Dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "LANYARDENV_BOX_MARK=" + p.mark,
		"XDG_CONFIG_HOME=" + p.Config, "XDG_RUNTIME_DIR=" + filepath.Dir(p.Config) + "/run",
		"GORACE=" + os.Getenv("GORACE"), // how long it sleeps at its end under the race detector
	}, p.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// OK runs lanyard, wants success, and gives its output.
func (p *Project) OK(args ...string) string {
	p.t.Helper()
	r := p.Run(args...)
	if r.Code != 0 {
		p.t.Fatalf("lanyard %q: exit code %d\n%s%s", args, r.Code, r.Out, r.Err)
	}
	return r.Out
}

// Fails runs lanyard, wants an exit code and every text in its messages.
func (p *Project) Fails(code int, texts []string, args ...string) {
	p.t.Helper()
	r := p.Run(args...)
	if r.Code != code {
		p.t.Errorf("lanyard %q: exit code %d, want %d", args, r.Code, code)
	}
	for _, text := range texts {
		if text = strings.NewReplacer("ROOT", p.Root, "DIR", p.Dir).Replace(text); !strings.Contains(r.Err, text) {
			p.t.Errorf("lanyard %q does not say %q", args, text)
		}
	}
	if p.t.Failed() {
		p.t.Logf("stdout:\n%sstderr:\n%s", r.Out, r.Err)
	}
}

// Pids gives the processes of the project's commands, and its lanyards.
func (p *Project) Pids() []int {
	return append(Pids("BOX_MARK="+p.mark), Pids("LANYARDENV_BOX_MARK="+p.mark)...)
}

// nothingLeft fails the test if a process, a mount or a run folder stayed.
func (p *Project) nothingLeft() {
	if pids := p.Pids(); len(pids) > 0 {
		p.t.Errorf("processes are left: %v", pids)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	p.must(err)
	if strings.Contains(string(mounts), filepath.Dir(p.Dir)+"/") {
		p.t.Errorf("a mount is left:\n%s", mounts)
	}
	left, _ := filepath.Glob(filepath.Dir(p.Config) + "/run/lanyard/*")
	if len(left) > 0 {
		p.t.Errorf("run folders are left: %v", left)
	}
}
