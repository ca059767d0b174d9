package recipe

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestVersionErrors(t *testing.T) {
	p := newProject(t)
	p.must(os.Symlink("/etc", p.path("out")))
	p.must(os.Symlink("../..", p.path("src/up")))
	p.must(os.Symlink("nothing", p.path("dangling")))
	p.must(os.Mkdir(p.path("special"), 0o755))
	p.must(syscall.Mkfifo(p.path("special/fifo"), 0o600))
	at := p.path("lanyard.yaml") + ":6:7: "
	for _, c := range []struct{ step, want string }{
		{"!Copy {source: missing, path: /a}", at + "!Copy ./missing: missing does not exist in the project; create it, or correct the step"},
		{"!Depends src/missing", at + "!Depends ./src/missing: src/missing does not exist in the project"},
		{"!Tar {url: ./missing.tar}", at + "!Tar ./missing.tar: missing.tar does not exist in the project"},
		{"!Depends dangling", at + "!Depends ./dangling: dangling does not exist in the project"},
		{"!Copy {source: out, path: /a}", at + "!Copy ./out: a link at or above out leads out of the project, where nothing can be taken from"},
		{"!Copy {source: out/passwd, path: /a}", at + "!Copy ./out/passwd: a link at or above out/passwd leads out of the project"},
		{"!Depends src/up/x", at + "!Depends ./src/up/x: a link at or above src/up/x leads out of the project"},
		{"!Tar {path: ./out/passwd}", at + "!Tar ./out/passwd: a link at or above out/passwd leads out"},
		{"!Tar {path: ./src}", at + "!Tar ./src: is a folder and no archive"},
		{"!Depends special", at + "!Depends ./special: fifo is a pipe; only files, folders and links can be taken from the project"},
		{"!Depends special/fifo", at + "!Depends ./special/fifo: . is a pipe; only files"},
		{"!Depends requirements.txt/a", at + "!Depends ./requirements.txt/a: cannot read requirements.txt/a: not a directory"},
		{"!Ubuntu jammy", at + `"!Ubuntu" is not supported in this version; write !Image ubuntu:22.04`},
	} {
		if v, err := p.try(c.step); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %q, %v\nwant %s", c.step, v, err, c.want)
		}
	}
	if _, err := Version(&plan.Plan{Root: p.dir}, &plan.Container{Name: "x", Host: true}, nil); err == nil || !strings.Contains(err.Error(), "neither image nor setup") {
		t.Errorf("a container of the host: %v", err)
	}
	if _, err := Version(&plan.Plan{Root: p.path("gone")}, &plan.Container{Image: "a"}, nil); err == nil {
		t.Error("a project that is gone has a version")
	}
}

// TestUnreadable: a file that can't be read is named, wherever it is.
func TestUnreadable(t *testing.T) {
	testkit.Require(t, testkit.User)
	p := newProject(t)
	p.must(os.Chmod(p.path("src/lib/b.py"), 0))
	want := ":6:7: !Depends ./src: cannot read lib/b.py: permission denied"
	if _, err := p.try("!Depends src"); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestLinkedSource: a link to something of the project is followed where a step
// names it.
func TestLinkedSource(t *testing.T) {
	p := newProject(t)
	p.must(os.Symlink("src", p.path("current")))
	if p.version("!Copy {source: current, path: /a}") != p.version("!Copy {source: src, path: /a}") {
		t.Error("a link to a folder is not that folder")
	}
	if p.version("!Depends src/link") != p.version("!Depends src/a.py") {
		t.Error("a link to a file is not that file")
	}
}
