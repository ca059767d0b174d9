package image_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/image"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// layer makes a folder of entries: NAME/ a folder, NAME// an opaque one, !NAME a
// whiteout, NAME->TARGET a link, NAME=TEXT a file.
func layer(t testing.TB, entries ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, entry := range entries {
		name, target, isLink := strings.Cut(entry, "->")
		name, text, _ := strings.Cut(name, "=")
		path := filepath.Join(dir, strings.TrimPrefix(name, "!"))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(target, path)
		case name[0] == '!':
			err = unix.Mknod(path, unix.S_IFCHR, 0)
		case strings.HasSuffix(name, "/"):
			if err = os.MkdirAll(path, 0o755); err == nil && strings.HasSuffix(name, "//") {
				err = unix.Setxattr(path, opaqueMark(), []byte("y"), 0)
			}
		default:
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatalf("%s: %v", entry, err)
		}
	}
	return dir
}

func opaqueMark() string {
	if os.Geteuid() == 0 {
		return "trusted.overlay.opaque"
	}
	return "user.overlay.opaque"
}

func TestLayered(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	bottom := layer(t, "etc/passwd=old", "etc/group=group", "gone=x", "hidden/f=x", "dir/f=x", "file=x", "usr/lib/os-release=os", "shown/f=shown")
	top := layer(t, "etc/passwd=new", "!gone", "hidden//", "hidden/g=g", "dir=now a file", "file/f=in a folder", "etc/os-release->../usr/lib/os-release", "abs->/etc/group",
		"up->../../../../etc/group", "twice->abs", "loop->loop", "out->"+secret, "outside->../../../../"+secret, "lib->usr/lib", "self->.", "dev->/dev/null")
	root := image.Layered([]string{top, layer(t, "etc/"), bottom})
	for name, want := range map[string]string{
		"/etc/passwd": "new", "etc/group": "group", "hidden/g": "g", "dir": "now a file", "file/f": "in a folder", "etc/os-release": "os", "abs": "group", "up": "group", "twice": "group",
		"lib/os-release": "os", "self/self/etc/../etc/./group": "group", "/../etc//group": "group", "lib/../lib/os-release": "os", "shown/f": "shown",
		"gone": "!no such file", "hidden/f": "!no such file", "dir/f": "!not a directory", "file": "!", "loop": "!too many levels", "out": "!no such file", "outside": "!no such file", "none": "!no such file",
		"none/x": "!no such file", "": "!", "/": "!", "etc": "!", "abs/x": "!not a directory", "dev": "!too many levels", "abs/": "!not a directory", "abs/.": "!not a directory",
	} {
		data, err := root.ReadFile(name)
		if wrong, fails := strings.CutPrefix(want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %q, %v, want %s", name, data, err, wrong)
			}
		} else if err != nil || string(data) != want {
			t.Errorf("%s: %q, %v, want %q", name, data, err, want)
		}
	}
	if _, err := image.Layered([]string{top, top + "/none"}).ReadFile("etc/passwd"); err == nil {
		t.Error("no error for a layer that is gone")
	}
}

// TestLayeredShut: what can't be looked at is not taken for what is not there,
// or a lower layer's file would be believed.
func TestLayeredShut(t *testing.T) {
	testkit.Require(t, testkit.User)
	top := layer(t, "etc/passwd=new")
	if err := os.Chmod(filepath.Join(top, "etc"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(top, "etc"), 0o755)
	if data, err := image.Layered([]string{top, layer(t, "etc/passwd=old")}).ReadFile("etc/passwd"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("%q, %v", data, err)
	}
}

// TestLayeredIsOverlay compares what is read with what the kernel shows of the
// same layers.
func TestLayeredIsOverlay(t *testing.T) {
	testkit.Require(t, testkit.Root)
	for round := range testkit.Rounds(t, 60) {
		seed := uint64(round)
		r := rand.New(rand.NewPCG(seed, 2))
		layers := []string{randomLayer(t, r), randomLayer(t, r), randomLayer(t, r)}
		at := t.TempDir()
		if err := unix.Mount("overlay", at, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(layers, ":")); err != nil {
			t.Fatal(err)
		}
		real, ours := image.Root{Path: at}, image.Layered(layers)
		for range 150 {
			path := randomPath(r, true)
			want, err := real.ReadFile(path)
			got, err2 := ours.ReadFile(path)
			if string(got) != string(want) || (err == nil) != (err2 == nil) {
				t.Errorf("seed %d: %s is %q, %v; the kernel says %q, %v", seed, path, got, err2, want, err)
			}
		}
		if err := unix.Unmount(at, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func randomLayer(t *testing.T, r *rand.Rand) string {
	dir := layer(t)
	for i := range 10 {
		path := filepath.Join(dir, randomPath(r, false))
		if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
			continue // a file is in the way
		}
		switch r.IntN(6) { // what is there already stays
		case 0:
			_ = unix.Mknod(path, unix.S_IFCHR, 0)
		case 1:
			_ = os.Mkdir(path, 0o755)
		case 2:
			if os.Mkdir(path, 0o755) == nil {
				_ = unix.Setxattr(path, opaqueMark(), []byte("y"), 0)
			}
		case 3:
			_ = os.Symlink(randomPath(r, true), path)
		default:
			_ = os.WriteFile(path, []byte(fmt.Sprint(path, i)), 0o644)
		}
	}
	return dir
}

// randomPath has few names, so that layers meet.
func randomPath(r *rand.Rand, anywhere bool) string {
	words := []string{"a", "b", "c"}
	path := ""
	if anywhere {
		words = append(words, "..", ".")
		path = []string{"", "/"}[r.IntN(2)]
	}
	var parts []string
	for range 1 + r.IntN(4) {
		parts = append(parts, words[r.IntN(len(words))])
	}
	path += strings.Join(parts, "/")
	if anywhere && r.IntN(10) == 0 {
		path += "/"
	}
	return path
}

func TestUser(t *testing.T) {
	dir := layer(t, "etc/passwd=root:x:0:0::/:/bin/sh\nweb:x:33:34::/:\nbad:x:nine:9::/:\nshort:x:5\n1000:x:7:8::/:\nbig:x:4294967296:1::/:\n",
		"etc/group=root:x:0:\nweb:x:34:\nmedia:x:50:other,web\nadm:x:4:web,other\nbroken:x:y:web\n")
	root := image.Layered([]string{dir, layer(t)})
	for text, want := range map[string]image.User{
		"root": {}, "0": {}, "web": {UID: 33, GID: 34, Groups: []uint32{50, 4}}, "33": {UID: 33, GID: 34, Groups: []uint32{50, 4}}, "web:media": {UID: 33, GID: 50}, "33:99": {UID: 33, GID: 99},
		"99": {UID: 99}, "99:adm": {UID: 99, GID: 4}, "1000": {UID: 7, GID: 8}, "web:": {UID: 33, GID: 34, Groups: []uint32{50, 4}}, "0:0": {},
	} {
		if got, err := root.User(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"none": `there is no user "none" in the root's /etc/passwd`, "bad": `there is no user "bad"`, "short": `no user "short"`, "big": `no user "big"`, "-1": "no user", "": "no user", ":web": "no user",
		"web:none": `there is no group "none" in the root's /etc/group`, "web:-1": "no group", "4294967296": "no user", "4294967295": "no user", "0:4294967295": "no group", "broken:x": "no user",
	} {
		if got, err := root.User(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %s", text, got, err, want)
		}
	}
	empty := image.Layered([]string{layer(t), layer(t)})
	if got, err := empty.User("7:8"); err != nil || got.UID != 7 || got.GID != 8 {
		t.Errorf("without a passwd: %+v, %v", got, err)
	}
}
