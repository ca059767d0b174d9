package recipe

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// project is a folder of files that recipes may name.
type project struct {
	t   *testing.T
	dir string
}

func newProject(t *testing.T) project {
	t.Helper()
	p := project{t, t.TempDir()}
	p.write("requirements.txt", "django\n")
	p.write("src/a.py", "print(1)\n")
	p.write("src/lib/b.py", "print(2)\n")
	p.write("other.txt", "nobody names it\n")
	p.write("a.tar", "an archive\n")
	p.must(os.Symlink("a.py", p.path("src/link")))
	return p
}

func (p project) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p project) path(name string) string { return filepath.Join(p.dir, name) }

func (p project) write(name, content string) {
	p.t.Helper()
	p.must(os.MkdirAll(filepath.Dir(p.path(name)), 0o755))
	p.must(os.WriteFile(p.path(name), []byte(content), 0o644))
}

// try gives the version of container c, which has these steps, a line each.
func (p project) try(steps ...string) (string, error) {
	p.t.Helper()
	file := "containers:\n  base: {image: debian}\n  built: {setup: [!Image a, !Sh b]}\n  c:\n    setup:\n"
	for _, s := range steps {
		file += "    - " + s + "\n"
	}
	parsed, err := plan.Parse(p.path("lanyard.yaml"), []byte(file))
	p.must(err)
	return Version(parsed, parsed.Containers["c"], nil)
}

func (p project) version(steps ...string) string {
	p.t.Helper()
	v, err := p.try(steps...)
	p.must(err)
	return v
}

// TestVersionIsStable: a version that changes without a new format would build
// everything of everybody again.
func TestVersionIsStable(t *testing.T) {
	p := newProject(t)
	got := p.version("!Image debian:12", "!Install [a, b]", "!Copy {source: src, path: /src}", "!Depends requirements.txt")
	if want := "b0a3a9672ccb5a45e63433f5a7ae14d9b08faff15abe51968128599d7a5e567b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(got) {
		t.Errorf("%q is no version", got)
	}
}

const (
	sumA = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	sumB = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee"
)

// TestEveryFieldCounts: all these recipes differ from each other.
func TestEveryFieldCounts(t *testing.T) {
	p := newProject(t)
	seen := map[string]string{}
	for _, steps := range []string{
		"!Image a", "!Image b", "!Image a:1", "!Container base", "!Container built",
		"!Debian a", "!Debian b", "!Debian {release: a, mirror: http://b/c}", "!Debian {release: a, variant: apt}", "!Debian {release: a, packages: [b]}",
		"!Image a;!Install [ab, c]", "!Image a;!Install [a, bc]", "!Image a;!Install [abc]", "!Image a;!Install [c, ab]", "!Image a;!Install [ab];!Install [c]",
		"!Image a;!Cmd [ab, c]", "!Image a;!Cmd [a, bc]", "!Image a;!Sh ab", "!Image a;!Sh ba", "!Image a;!Sh ab;!Sh c", "!Image a;!Sh c;!Sh ab",
		"!EnsureDir /a", "!EnsureDir /b", "!Remove /a", "!Remove /b",
		"!Env {A: bc}", "!Env {Ab: c}", "!Env {A: b, C: d}", "!Env {A: b};!Env {C: d}",
		"!Text {/a: bc}", "!Text {/ab: c}", "!Text {/a: b, /c: d}", "!Text {/a: }",
		"!CacheDirs {/a: bc}", "!CacheDirs {/ab: c}",
		"!Tar {url: 'http://a/b', sha256: " + sumA + "}", "!Tar {url: 'http://a/b', sha256: " + sumB + "}",
		"!Tar {url: 'http://a/b', sha256: " + sumA + ", path: /a}", "!Tar {url: 'http://a/b', sha256: " + sumA + ", subdir: a}",
		"!Tar {url: ./a.tar}", "!Tar {url: ./other.txt}", "!Tar {url: ./a.tar, path: /a}", "!Tar {url: ./a.tar, subdir: a}",
		"!Copy {source: src, path: /a}", "!Copy {source: src, path: /b}", "!Copy {source: src/lib, path: /a}", "!Copy {source: src/a.py, path: /a}",
		"!Copy {source: src, path: /a, owner-uid: 1}", "!Copy {source: src, path: /a, owner-gid: 1}", "!Copy {source: src, path: /a, umask: 077}",
		"!Copy {source: src, path: /a, preserve-permissions: true}", "!Copy {source: src, path: /a, preserve-times: true}",
		"!Depends src", "!Depends src/a.py", "!Depends src/lib", "!Depends src;!Depends src",
	} {
		v := p.version(strings.Split(steps, ";")...)
		if other, ok := seen[v]; ok {
			t.Errorf("%s has the version of %s", steps, other)
		}
		seen[v] = steps
	}
}

// TestSameResultSameVersion: what makes no difference does not count.
func TestSameResultSameVersion(t *testing.T) {
	p := newProject(t)
	for _, c := range [][2]string{
		{"!Tar {url: 'http://a/b', sha256: " + sumA + "}", "!Tar {url: 'https://c/d', sha256: " + sumA + "}"},
		{"!Tar {url: ./a.tar}", "!Tar {path: /work/a.tar}"},
		{"!Copy {source: src, path: /a}", "!Copy {source: /work/src/, path: /a/, umask: 0o002, owner-uid: 0}"},
		{"!Debian a", "!Debian {release: a, variant: minbase}"},
		{"!Copy {source: src, path: /a, preserve-permissions: true}", "!Copy {source: src, path: /a, umask: 022}"},
		{"!Copy {source: src, path: /a, preserve-permissions: true, umask: 0}", "!Copy {source: src, path: /a, preserve-permissions: true}"},
	} {
		if p.version(c[0]) != p.version(c[1]) {
			t.Errorf("%s and %s differ", c[0], c[1])
		}
	}
	before := p.version("!Env {A: b}")
	t.Setenv("A", "c")
	t.Chdir("/")
	if p.version("!Env {A: b}") != before {
		t.Error("the caller's environment counts")
	}
	if other := newProject(t); other.version("!Depends src") != p.version("!Depends src") {
		t.Error("the project's place counts")
	}
}

// TestBaseCounts: a change of what a container starts from reaches it, also
// through the caller's memory of versions.
func TestBaseCounts(t *testing.T) {
	p := newProject(t)
	of := func(script string, base func(*plan.Container) (string, error)) string {
		file := "containers: {a: {setup: [!Image x, !Sh " + script + "]}, b: {setup: [!Container a]}, c: {setup: [!Container b]}}\n"
		parsed, err := plan.Parse(p.path("lanyard.yaml"), []byte(file))
		p.must(err)
		v, err := Version(parsed, parsed.Containers["c"], base)
		p.must(err)
		return v
	}
	first := of("a", nil)
	if of("b", nil) == first {
		t.Error("a base of a base doesn't count")
	}
	if of("a", nil) != first {
		t.Error("going back gives another version")
	}
	var asked []string
	known := func(c *plan.Container) (string, error) {
		asked = append(asked, c.Name)
		return "v1", nil
	}
	if of("a", known) != of("b", known) || strings.Join(asked, " ") != "b b" {
		t.Errorf("asked for %q", asked)
	}
}

// TestFilesCount: each change of what a step names changes the version, and
// undoing it gives the old one.
func TestFilesCount(t *testing.T) {
	const copySrc, keepModes, keepTimes, depends, tar = "!Copy {source: src, path: /a}", "!Copy {source: src, path: /a, preserve-permissions: true}",
		"!Copy {source: src, path: /a, preserve-times: true}", "!Depends src", "!Tar {url: ./a.tar}"
	steps := []string{copySrc, keepModes, keepTimes, depends, tar}
	p := newProject(t)
	moment := time.Unix(1e9, 5)
	for _, name := range []string{"src/a.py", "src/lib/b.py"} {
		p.must(os.Chtimes(p.path(name), moment, moment))
	}
	restore := func() {
		p.write("src/a.py", "print(1)\n")
		p.must(os.Chtimes(p.path("src/a.py"), moment, moment))
	}
	for _, c := range []struct {
		name     string
		do, undo func()
		changed  []string
	}{
		{"contents", func() { p.write("src/a.py", "print(3)\n"); p.must(os.Chtimes(p.path("src/a.py"), moment, moment)) }, restore, []string{copySrc, keepModes, keepTimes, depends}},
		{"the archive", func() { p.write("a.tar", "x") }, func() { p.write("a.tar", "an archive\n") }, []string{tar}},
		{"a new file", func() { p.write("src/c", "") }, func() { p.must(os.Remove(p.path("src/c"))) }, []string{copySrc, keepModes, keepTimes, depends}},
		{"a new folder", func() { p.must(os.Mkdir(p.path("src/c"), 0o755)) }, func() { p.must(os.Remove(p.path("src/c"))) }, []string{copySrc, keepModes, keepTimes, depends}},
		{"a name", func() { p.must(os.Rename(p.path("src/lib"), p.path("src/lib2"))) }, func() { p.must(os.Rename(p.path("src/lib2"), p.path("src/lib"))) }, []string{copySrc, keepModes, keepTimes, depends}},
		{"a link", func() { p.must(os.Remove(p.path("src/link"))); p.must(os.Symlink("b.py", p.path("src/link"))) },
			func() { p.must(os.Remove(p.path("src/link"))); p.must(os.Symlink("a.py", p.path("src/link"))) }, []string{copySrc, keepModes, keepTimes, depends}},
		{"executable", func() { p.must(os.Chmod(p.path("src/a.py"), 0o755)) }, func() { p.must(os.Chmod(p.path("src/a.py"), 0o644)) }, []string{copySrc, keepModes, keepTimes}},
		{"another umask", func() { p.must(os.Chmod(p.path("src/a.py"), 0o600)) }, func() { p.must(os.Chmod(p.path("src/a.py"), 0o644)) }, []string{keepModes}},
		{"set-uid", func() { p.must(os.Chmod(p.path("src/a.py"), 0o644|os.ModeSetuid)) }, func() { p.must(os.Chmod(p.path("src/a.py"), 0o644)) }, []string{keepModes}},
		{"a time", func() { p.must(os.Chtimes(p.path("src/a.py"), moment, moment.Add(1))) }, restore, []string{keepTimes}},
		{"what nobody names", func() { p.write("other.txt", "else"); p.write("new", "") }, func() {}, nil},
		{"what is left out", func() {
			p.write("src/.git/HEAD", "x")
			p.write("src/lib/a.py~", "")
			p.write("src/.lanyard/volumes/v", "")
		}, func() {}, nil},
	} {
		before := map[string]string{}
		for _, s := range steps {
			before[s] = p.version(s)
		}
		c.do()
		var changed []string
		for _, s := range steps {
			if p.version(s) != before[s] {
				changed = append(changed, s)
			}
		}
		if strings.Join(changed, "\n") != strings.Join(c.changed, "\n") {
			t.Errorf("%s changes\n%s\nwant\n%s", c.name, strings.Join(changed, "\n"), strings.Join(c.changed, "\n"))
		}
		c.undo()
		for _, s := range steps {
			if p.version(s) != before[s] {
				t.Errorf("%s: %s does not get its old version back", c.name, s)
			}
		}
	}
}

// TestOwnerDoesNotCount: who checked the project out makes no difference.
func TestOwnerDoesNotCount(t *testing.T) {
	testkit.Require(t, testkit.Root)
	p := newProject(t)
	const step = "!Copy {source: src, path: /a, preserve-permissions: true, preserve-times: true}"
	before := p.version(step)
	p.must(os.Chown(p.path("src/a.py"), 1234, 1234))
	if p.version(step) != before {
		t.Error("the owner counts")
	}
}

// BenchmarkVersion is a tree of 20,000 files, hashed at each start.
func BenchmarkVersion(b *testing.B) {
	dir := b.TempDir()
	for i := range 20_000 {
		folder := filepath.Join(dir, "src", fmt.Sprint(i%200))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), []byte(strings.Repeat(fmt.Sprint(i), 500)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	p, err := plan.Parse(filepath.Join(dir, "lanyard.yaml"), []byte("containers: {c: {setup: [!Copy {source: src, path: /a}]}}\n"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Version(p, p.Containers["c"], nil); err != nil {
			b.Fatal(err)
		}
	}
}
