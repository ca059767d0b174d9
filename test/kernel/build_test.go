package kernel_test

import (
	"archive/tar"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestBuildIsShutOff: what a recipe runs has the filter of commands, and does not
// reach abstract sockets of the host either.
func TestBuildIsShutOff(t *testing.T) {
	t.Parallel()
	name, shut := abstractSocket(t)
	if asked := os.Getenv("LANYARD_TEST_AS") != ""; !asked && (!shut || !static(t)) {
		t.Skip("this kernel can't shut abstract sockets off, or this binary needs libraries that the root lacks (CGO_ENABLED=0)")
	}
	want := notPermitted
	if !shut {
		want = "reached"
	}
	p := newProject(t, "")
	testkit.MakeRoot(t, p.path("root"))
	archive, err := os.Create(p.path("root.tar"))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(archive)
	if err := errors.Join(w.AddFS(os.DirFS(p.path("root"))), w.Close(), archive.Close()); err != nil {
		t.Fatal(err)
	}
	p.write("lanyard.yaml", `
containers:
  built:
    setup:
    - !Tar {path: ./root.tar}
    - !Sh 'echo "seccomp $(grep ^Seccomp: /proc/self/status)"; /work/helper reach `+name+`; exit 3' # what a step says is shown where it fails
commands: {c: !Command {container: built, run: ["true"]}}
`)
	data := t.TempDir()
	t.Cleanup(func() { // folders of the root that was built may forbid to be removed
		if out, err := exec.Command("chmod", "-R", "u+rwX", data).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	r := p.start(func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "XDG_DATA_HOME="+data) }, "_build", "built")
	r.wait(30 * time.Second)
	if got := r.output() + r.errors(); !strings.Contains(got, want) || !strings.Contains(got, "Seccomp: 2") {
		t.Errorf("a step of a recipe says\n%s\nwant Seccomp: 2 and %q", got, want)
	}
}

// static says whether this test binary runs in any root.
func static(t *testing.T) bool {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}
