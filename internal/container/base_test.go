package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBaseThroughALink: a link to nowhere can neither be opened nor made.
func TestBaseThroughALink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/nonexistent", link); err != nil {
		t.Fatal(err)
	}
	f, err := lockBase(filepath.Join(link, "lanyard"))
	if err == nil {
		f.Close()
	}
	if err == nil || !strings.Contains(err.Error(), link+"/lanyard can't be made") {
		t.Errorf("it says %v", err)
	}
}
