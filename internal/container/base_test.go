package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/janitor"
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

// TestBaseThatCannotBe: nothing is tried for ever where the folder above can't be
// made: through a link to nowhere, or in proc(5).
func TestBaseThatCannotBe(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/nonexistent/folder", link); err != nil {
		t.Fatal(err)
	}
	for _, above := range []string{link, "/proc/nothing"} {
		f, err := lockBase(filepath.Join(above, "lanyard"))
		if err == nil {
			f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), above+"/lanyard can't be made") {
			t.Errorf("%s: it says %v", above, err)
		}
	}
}
