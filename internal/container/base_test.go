package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
