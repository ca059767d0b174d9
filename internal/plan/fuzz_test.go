package plan

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse wants of any file: no panic, no hang, problems that stand inside
// the file, and a Plan that keeps the promises of types.go. What it has found
// is kept in testdata/fuzz.
func FuzzParse(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples", err)
	}
	for _, sample := range samples {
		data, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(inVolumes("/a: !Tmpfs {size: 1M, mode: 0755, subdirs: {b: {mode: 1777}}, files: {b/c: d}}")))
	f.Add([]byte(inSetup("!Tar {url: 'https://h/a', path: /b, sha256: c, subdir: d}\n!Copy {source: ., path: /, umask: 0}\n!Cmd []\n!Ubuntu {codename: x}\n")))
	f.Add([]byte("containers: {a: {setup: [!Container b]}, b: {setup: [!Container a]}, c: {image: 'a@sha256:0'}}\n"))
	f.Add([]byte("x-a: &a {<<: [*a, {b: c}]}\ncontainers: *a\ncommands: {<<: *a}\n"))
	f.Add([]byte("\ufeffcontainers: {c: {host: true}}\r\ncommands:\r\n  ? x\r\n  : {container: c, run: \"\\0\"}\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		begun := time.Now()
		p, err := Parse("/p/lanyard.yaml", data)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if err == nil {
			checkPlan(t, p)
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 || p != nil {
			t.Fatalf("plan %v with the error %#v", p, err)
		}
		for i, problem := range problems {
			checkPosition(t, data, problem)
			if i > 0 && problem.Pos.compare(problems[i-1].Pos) < 0 {
				t.Errorf("%v comes after %v", problem, problems[i-1])
			}
		}
	})
}

// checkPosition accepts the place behind the end of a line, where a value is
// missing, and the line behind the last.
func checkPosition(t *testing.T, data []byte, p Problem) {
	t.Helper()
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	if p.Pos.Line < 1 || p.Pos.Line > len(lines)+1 || p.Pos.Column < 1 {
		t.Fatalf("%v is outside of a file of %d lines", p, len(lines))
	}
	if p.Pos.Line <= len(lines) {
		if width := utf8.RuneCountInString(lines[p.Pos.Line-1]); p.Pos.Column > width+1 {
			t.Errorf("%v is outside of a line of %d characters", p, width)
		}
	}
	if strings.ContainsAny(p.Message, "\n\x00") || p.Message == "" {
		t.Errorf("the message %q is no line", p.Message)
	}
}

// checkPlan holds p to what types.go says.
func checkPlan(t *testing.T, p *Plan) {
	t.Helper()
	if p.File != "/p/lanyard.yaml" || p.Root != "/p" {
		t.Errorf("file %s, root %s", p.File, p.Root)
	}
	for name, c := range p.Containers {
		sources := 0
		for _, set := range []bool{c.RootFS != "", c.Host, c.Image != "", len(c.Setup) > 0} {
			if set {
				sources++
			}
		}
		if c.Name != name || sources > 1 || sources == 0 && len(c.Unsupported) == 0 || len(c.DefaultShell) == 0 || c.Pos.Line == 0 {
			t.Errorf("container %+v", c)
		}
		if c.EnvironFile != "" && c.EnvironFile[0] != '/' {
			t.Errorf("environ-file %q", c.EnvironFile)
		}
		checkLimits(t, c.Limits)
		checkVolumes(t, p, c.Volumes)
		checkSteps(t, p, c)
	}
	names := map[string]bool{}
	for _, c := range p.Commands {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if names[name] {
				t.Errorf("two commands named %s", name)
			}
			names[name] = true
		}
		if c.Supervise && (c.KillAfter < 0 || c.KillAfter > 24*time.Hour || c.Mode != StopOnFailure && c.Mode != WaitAllSuccessful) ||
			!c.Supervise && len(c.Children) != 1 || len(c.Children) == 0 {
			t.Errorf("command %+v", c)
		}
		for _, child := range c.Children {
			checkProcess(t, p, c, child)
		}
		_, _ = p.UnsupportedFor(c, c.Children), p.AllUnsupported()
	}
}

func checkProcess(t *testing.T, p *Plan, c *Command, child *Process) {
	t.Helper()
	_, known := p.Containers[child.Container]
	capsule := child.Container == "" && len(c.Unsupported) > 0
	if !known && !capsule && len(p.Unsupported) == 0 {
		t.Errorf("%s runs in the unknown container %q", child.Name, child.Container)
	}
	run := len(child.Run) > 0 && child.Run[0] != "" && (!child.Shell || len(child.Run) == 1)
	if !run && len(child.Run) == 0 && !child.Shell {
		run = p.Imaged(child.Container) != nil
	}
	if child.Name == "" || !run || child.Pos.Line == 0 {
		t.Errorf("process %+v", child)
	}
	if dir := child.WorkDir; dir != "" && (path.Clean(dir) != dir || dir == ".." || strings.HasPrefix(dir, "../")) {
		t.Errorf("work-dir %q", dir)
	}
	for _, text := range child.Run {
		if strings.ContainsRune(text, 0) {
			t.Errorf("NUL in %q", text)
		}
	}
	for _, v := range child.Environ {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.ContainsRune(v.Value, 0) {
			t.Errorf("variable %+v", v)
		}
	}
	checkLimits(t, child.Limits)
	checkVolumes(t, p, child.Volumes)
}

func checkLimits(t *testing.T, l Limits) {
	t.Helper()
	if l.Memory != nil && *l.Memory < 1<<20 || l.Swap != nil && *l.Swap < 0 || l.CPUs != nil && !(*l.CPUs > 0) ||
		l.Pids != nil && *l.Pids < 1 || l.NoFile != nil && *l.NoFile < 3 ||
		l.IOWeight != nil && (*l.IOWeight < 1 || *l.IOWeight > 10000) {
		t.Errorf("limits %+v", l)
	}
}

func checkVolumes(t *testing.T, p *Plan, volumes []Volume) {
	t.Helper()
	for i, v := range volumes {
		if i > 0 && v.Target <= volumes[i-1].Target {
			t.Errorf("%s comes after %s", v.Target, volumes[i-1].Target)
		}
		if path.Clean(v.Target) != v.Target || !path.IsAbs(v.Target) || v.Target == "/" || v.Target == "/work" || v.Pos.Line == 0 {
			t.Errorf("volume %+v", v)
		}
		good := false
		switch v.Kind {
		case Tmpfs:
			good = v.Size > 0 && v.Mode <= 0o7777
		case BindRW, BindRO:
			good = path.Clean(v.Source) == v.Source && (v.Source == "/work" || strings.HasPrefix(v.Source, "/work/") || strings.HasPrefix(v.Source, "/volumes/"))
		case Empty:
			good = true
		case CacheDir:
			good = v.Name != "" && v.Name[0] != '.' && !strings.Contains(v.Name, "/")
		case Persistent:
			_, known := p.Command(v.InitCommand)
			good = v.Name != "" && v.Name[0] != '.' && !strings.Contains(v.Name, "/") && (known || v.InitCommand == "")
		case Snapshot:
			good = v.Size > 0 && (v.From == "" || p.Containers[v.From] != nil || len(p.Unsupported) > 0)
		case ContainerFS:
			good = p.Containers[v.From] != nil || len(p.Unsupported) > 0
		}
		if !good {
			t.Errorf("volume %+v", v)
		}
		for i, d := range v.Dirs {
			if path.IsAbs(d.Path) || path.Clean(d.Path) != d.Path || d.Path == ".." || strings.HasPrefix(d.Path, "../") ||
				i > 0 && d.Path <= v.Dirs[i-1].Path {
				t.Errorf("subdirs %+v", v.Dirs)
			}
		}
	}
}
