package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/linux"
)

// TestBaseIsClosedToOthers: who can open the folder can hold its lock, so one that a
// service manager has made for all to read is closed.
func TestBaseIsClosedToOthers(t *testing.T) {
	base := filepath.Join(t.TempDir(), "lanyard")
	if err := os.Mkdir(base, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func() error{
		"a start": func() error {
			r := runIn(base)
			return errors.Join(r.Note(Entry{janitor.TreeEntry, "/nonexistent/file"}), closedToOthers(base), r.Close(), os.Mkdir(base, 0o755))
		},
		"a sweep": func() error { return errors.Join(sweep(base), closedToOthers(base)) },
	} {
		if err := errors.Join(os.Chmod(base, 0o755), use()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func closedToOthers(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm() != 0o700 {
		err = fmt.Errorf("its mode is %v", info.Mode())
	}
	return err
}

// TestBaseThatCannotBe: what stands in the way of the folder above is said in the
// same words by a start and by who only looks; nothing is tried for ever, and a
// sweep has nothing to do there.
func TestBaseThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Symlink("/nonexistent/folder", at("link")), os.WriteFile(at("file"), nil, 0o600), os.Symlink("loop", at("loop"))); err != nil {
		t.Fatal(err)
	}
	for above, why := range map[string]string{
		at("link"):          at("link") + " is a link to nowhere",
		at("link/run/user"): at("link") + " is a link to nowhere",
		at("file"):          "not a directory",
		at("file/run"):      "not a directory",
		at("loop"):          at("loop") + " is a link to nowhere",
	} {
		path := above + "/lanyard"
		want := path + " can't be made: " + why
		f, err := lockBase(path)
		if err == nil {
			f.Close()
		}
		if err == nil || linux.ObstacleOf(err).Why != want {
			t.Errorf("a start says %v, want %q", err, want)
		}
		if looked := checkBase(path); err == nil || looked == nil || looked.Error() != err.Error() {
			t.Errorf("who looks is told %v, and who starts %v", looked, err)
		}
		if err := sweep(path); err != nil {
			t.Errorf("a sweep in %s: %v", path, err)
		}
	}
}

// TestBaseInProc: access(2) allows what mkdir(2) does not.
func TestBaseInProc(t *testing.T) {
	f, err := lockBase("/proc/nothing/lanyard")
	if err == nil {
		f.Close()
	}
	if err == nil || linux.ObstacleOf(err).Why != "/proc/nothing/lanyard can't be made: no such file or directory" {
		t.Errorf("it says %v", err)
	}
}

// TestBaseOfAnother: a run that ends does not remove the folder that another one
// has made and locked meanwhile, and is about to make its own in.
func TestBaseOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lanyard")
	first, err := lockBase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	removeBase(first, path) // as a third run does that ends at the same time
	second, err := lockBase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	removeBase(first, path)
	if !exists(path) {
		t.Error("the folder of a run that starts was removed")
	}
	removeBase(second, path)
	if exists(path) {
		t.Error("the folder is left")
	}
}
