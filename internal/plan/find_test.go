package plan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files in a new folder; a name with a slash at the end is a
// folder, "a -> b" a link.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path+"x"), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, path)
		case !strings.HasSuffix(name, "/"):
			err = os.WriteFile(path, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		from  string
		want  string
	}{
		{"here", []string{"lanyard.yaml"}, "", "lanyard.yaml"},
		{"ours first", []string{"lanyard.yaml", "vagga.yaml"}, "", "lanyard.yaml"},
		{"vagga's", []string{"vagga.yaml"}, "", "vagga.yaml"},
		{"above", []string{"lanyard.yaml", "a/b/"}, "a/b", "lanyard.yaml"},
		{"the nearest", []string{"lanyard.yaml", "a/vagga.yaml", "a/b/"}, "a/b", "a/vagga.yaml"},
		{"no folder", []string{"vagga.yaml", "lanyard.yaml/"}, "", "vagga.yaml"},
		{"a link", []string{"x", "lanyard.yaml -> x"}, "", "lanyard.yaml"},
	} {
		dir := tree(t, c.files...)
		got, err := Find(filepath.Join(dir, c.from))
		if err != nil || got != filepath.Join(dir, c.want) {
			t.Errorf("%s: got %s, %v", c.name, got, err)
		}
	}
}

func TestFindNothing(t *testing.T) {
	dir := tree(t, "lanyard.yml", "a/")
	_, err := Find(filepath.Join(dir, "a"))
	want := "no project file: neither lanyard.yaml nor vagga.yaml in " + dir + "/a or a folder above it; write one, or name one with -f FILE (" + dir + "/lanyard.yml is not looked at: its name has to end in .yaml)"
	if !errors.Is(err, ErrNoProject) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}

	dir = tree(t, "lanyard.yaml -> nowhere", "vagga.yaml")
	if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), "is a symbolic link to nothing") {
		t.Errorf("a link to nothing: %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := tree(t, "a/")
	if _, err := Load(filepath.Join(dir, "gone.yaml")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir+"/gone.yaml") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "a")); err == nil || !strings.Contains(err.Error(), dir+"/a") {
		t.Errorf("a folder: %v", err)
	}
	t.Chdir(dir)
	if err := os.WriteFile("bad.yaml", []byte("commands: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load("bad.yaml"); err == nil || err.Error() != `bad.yaml:1:11: commands: expected a mapping, got "1"` {
		t.Errorf("a relative path: %v", err)
	}
}
