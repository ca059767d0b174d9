package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestCleanVolumes: what a command uses stays, and so does one that is filled and
// waits for its command; afterwards they go.
func TestCleanVolumes(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  box: {rootfs: ROOT}
commands:
  fill: !Command {container: box, run: "echo full >/data/state; touch /work/filled; until test -e /work/go; do sleep 0.02; done", volumes: {/data: !Persistent db}}
  use: !Command {container: box, run: "cat /data/state", volumes: {/data: !Persistent {name: db, init-command: fill}}}
`)
	p.Env = append(p.Env, "XDG_DATA_HOME="+t.TempDir())
	cmd := p.Command(t.Context(), "use")
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !testkit.Until(testkit.Slow(10*time.Second), func() bool { _, err := os.Stat(p.Path("filled")); return err == nil }) {
		t.Fatal("the volume is not filled")
	}
	r := p.Run("_clean", "--volumes")
	if !strings.Contains(r.Err, "a command that uses volumes") && !strings.Contains(r.Out, "nothing") {
		t.Errorf("_clean says %q and %q", r.Out, r.Err)
	}
	p.Write("go", "")
	if err := cmd.Wait(); err != nil || out.String() != "full\n" {
		t.Errorf("the command says %q: %v", out.String(), err)
	}
	p.OK("_clean", "--volumes", "--dry-run")
	if _, err := os.Stat(p.Path(".lanyard/volumes/db/state")); err != nil {
		t.Errorf("a dry run has removed it: %v", err)
	}
	p.OK("_clean", "--volumes")
	if left, err := filepath.Glob(p.Path(".lanyard/volumes/[a-z]*")); err != nil || len(left) > 0 {
		t.Errorf("there is still %v, %v", left, err)
	}
}

// TestCleanFollowsNoLink: containers can write to the project, and so plant one.
func TestCleanFollowsNoLink(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, "containers: {box: {rootfs: ROOT}}\n")
	for _, dir := range []string{"src/pkg", ".lanyard"} {
		if err := os.MkdirAll(p.Path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../src", p.Path(".lanyard/volumes")); err != nil {
		t.Fatal(err)
	}
	p.Fails(121, []string{".lanyard/volumes", "remove what stands there"}, "_clean", "--volumes")
	if _, err := os.Stat(p.Path("src/pkg")); err != nil {
		t.Errorf("it has removed the sources: %v", err)
	}
}

// TestVolumesReadOnly: a volume that is there can be used where nothing can be
// made any more.
func TestVolumesReadOnly(t *testing.T) {
	testkit.Require(t, testkit.User)
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  box: {rootfs: ROOT, volumes: {/data: !Persistent db}}
commands:
  put: !Command {container: box, run: "echo kept >/data/state"}
  get: !Command {container: box, run: "cat /data/state"}
`)
	p.OK("put")
	volumes := p.Path(".lanyard/volumes")
	for _, dir := range []string{volumes, filepath.Dir(volumes)} {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o755)
	}
	if got := p.OK("get"); got != "kept\n" {
		t.Errorf("it says %q", got)
	}
}
