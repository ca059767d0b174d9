//go:build example

package example_test

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestBuildKilled kills lanyard in the middle of a !Debian and of an !Install:
// nothing is left but half-made things in the store, which the next build removes.
func TestBuildKilled(t *testing.T) {
	data, err := os.MkdirTemp("", "lanyard-example-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeStore(data) })
	dir := t.TempDir()
	const file = `containers:
  base:
    setup: [!Debian {release: bookworm}]
  app:
    setup: [!Container base, !Install [redis-tools]]
commands:
  version: !Command {container: app, run: [redis-cli, --version]}
`
	if err := os.WriteFile(filepath.Join(dir, "lanyard.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *app {
		// Programs of a recipe get nothing of the caller's but this.
		mark := rand.Text() + ".example.org"
		cmd := exec.Command(lanyardBinary(t), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+data, "no_proxy="+mark)
		return launch(t, cmd, "no_proxy="+mark)
	}
	for _, container := range []string{"base", "app"} {
		killed := command("_build", container)
		var family []process
		killed.pollFor(buildWithin, "the build is in the middle of it", func() error {
			family = below(t, killed.cmd.Process.Pid)
			if !slices.ContainsFunc(family, installs) {
				return errors.New("no dpkg installs anything")
			}
			return nil
		})
		killed.signal(syscall.SIGKILL)
		vanishes(t, func() []string {
			var left []string
			for _, p := range killed.processes() {
				left = append(left, p.String())
			}
			return slices.Concat(left, still(t, family), mounted(t, data))
		})
		if len(halfMade(t, data)) == 0 {
			t.Errorf("the store has nothing half-made of %s: it was not killed in the middle", container)
		}
		command("_build", container).endsWithin(0, buildWithin)
		if left := halfMade(t, data); len(left) > 0 {
			t.Errorf("the next build of %s leaves %v", container, left)
		}
	}
	version := command("version")
	version.ends(0)
	if !strings.HasPrefix(version.out.String(), "redis-cli ") {
		t.Errorf("what was built says %q", version.out.String())
	}
}

// installs says that a process is a dpkg that unpacks or sets up packages.
func installs(p process) bool {
	return filepath.Base(p.args[0]) == "dpkg" && slices.ContainsFunc(p.args, func(arg string) bool {
		return arg == "--install" || arg == "--unpack" || arg == "--configure"
	})
}

// halfMade lists what a store has that is being made, or was, or is being removed.
func halfMade(t *testing.T, data string) (names []string) {
	t.Helper()
	tmp := filepath.Join(data, "lanyard/tmp")
	for _, dir := range []string{tmp, filepath.Join(tmp, "trash")} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "trash" {
				names = append(names, filepath.Join(dir, e.Name()))
			}
		}
	}
	return names
}
