package image_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/image"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

func makeRoot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"root/etc", "empty"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{"file": "x", "secret": "of the host", "root/etc/passwd": strings.Join([]string{
		"root:x:0:0:root:/root:/bin/sh", "short:x:5", "rel:x:6:6::home:/bin/sh", "user:x:1000:1000:A, B:/home/user:/bin/zsh", "last:x:7:7::/last:", "root2:x:0:0::/other:/bin/sh"}, "\n")}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolder(t *testing.T) {
	dir := makeRoot(t)
	if err := os.Symlink("root", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"missing": "rootfs PATH does not exist; unpack a system there", "file": "rootfs PATH is not a directory; name the folder",
		"empty": "rootfs PATH is empty; unpack a system there", "file/x": "cannot look at rootfs PATH: ",
	} {
		path := filepath.Join(dir, name)
		if _, err := image.Folder(path); err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, "PATH", path)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for _, name := range []string{"root", "link"} {
		root, err := image.Folder(filepath.Join(dir, name))
		if want := (image.Root{Kind: rootfs.Dir, Path: filepath.Join(dir, "root")}); err != nil || !reflect.DeepEqual(root, want) {
			t.Errorf("%s: %+v, %v", name, root, err)
		}
	}
	if host := image.Host(); host.Kind != rootfs.Host || host.Path != "/" {
		t.Errorf("the host is %+v", host)
	}
}

func TestHome(t *testing.T) {
	root := image.Root{Path: filepath.Join(makeRoot(t), "root")}
	for uid, want := range map[uint32]string{0: "/root", 1000: "/home/user", 7: "/last", 5: "/", 6: "/", 12: "/"} {
		if got := root.Home(uid); got != want {
			t.Errorf("home of %d is %q, want %q", uid, got, want)
		}
	}
	if got := (image.Root{Path: t.TempDir()}).Home(0); got != "/" {
		t.Errorf("without a passwd: %q", got)
	}
}

// TestReadFile: a hostile root neither leads outside nor hangs the start.
func TestReadFile(t *testing.T) {
	dir := makeRoot(t)
	root := image.Root{Path: filepath.Join(dir, "root")}
	in := func(name string) string { return filepath.Join(dir, "root", name) }
	for name, target := range map[string]string{"out": "../secret", "abs": dir + "/secret", "inside": "/etc/passwd", "loop": "loop"} {
		if err := os.Symlink(target, in(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(in("fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(in("big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	if err := big.Truncate(4<<20 + 1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"out": "no such file", "abs": "no such file", "loop": "too many levels", "fifo": "not a regular file", "etc": "not a regular file", "big": "file too large", "none": "open none: no such file",
	} {
		if data, err := root.ReadFile(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v, want %q", name, data, err, want)
		}
	}
	if data, err := root.ReadFile("/inside"); err != nil || !strings.HasPrefix(string(data), "root:x:0") {
		t.Errorf("a link inside: %q, %v", data, err)
	}
}
