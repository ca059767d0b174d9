package run_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestCallersFolder: a command starts in the folder that the caller is in, by
// whatever links they came there.
func TestCallersFolder(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, "containers: {c: {rootfs: ROOT}}\ncommands: {pwd: {container: c, run: [pwd]}}\n")
	beside := filepath.Dir(p.Dir)
	for _, dir := range []string{p.Path("sub"), p.Path("sub/deep"), filepath.Join(beside, "other")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		p.Path("relative"): "sub", p.Path("absolute"): p.Path("sub"), p.Path("out"): filepath.Join(beside, "other"),
		filepath.Join(beside, "project-link"): p.Dir,
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]string{
		"project": "/work", "project/sub/deep": "/work/sub/deep",
		"project/relative/deep": "/work/sub/deep", "project/absolute": "/work/sub",
		"project-link": "/work", "project-link/sub": "/work/sub", "project-link/absolute/deep": "/work/sub/deep",
		"project/out": "/work", "other": "/work",
	} {
		cmd := p.Command(t.Context(), "-f", p.Path("lanyard.yaml"), "pwd")
		cmd.Dir = filepath.Join(beside, dir)
		cmd.Env = append(cmd.Env, "PWD="+cmd.Dir) // as a shell says it, with its links
		if out, err := cmd.Output(); err != nil || string(out) != want+"\n" {
			t.Errorf("called in %s the command is in %q (%v), want %s", dir, out, err, want)
		}
	}
}
