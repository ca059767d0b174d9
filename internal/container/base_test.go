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
