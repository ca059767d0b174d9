package unpack_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

// sample makes a tree with one of everything.
func sample(t *testing.T, dir string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	long := strings.Repeat("long-name-", 25)
	for i, d := range []string{"usr/bin", "tmp", "g/inner", "empty", "bad\xff\xfename", long + "/" + long + "/" + long} {
		must(os.MkdirAll(at(d), 0o755))
		must(os.Chown(at(d), i*1000, i*70000))
	}
	for i, f := range []string{"usr/bin/su", "usr/bin/ping", "g/inner/f", "bad\xff\xfename/x\xff", long + "/" + long + "/" + long + "/f", "zero", "sp ace\nline"} {
		must(os.WriteFile(at(f), []byte(noise(i*5000)), 0o644))
		must(os.Chown(at(f), i*300, i*3000000))
	}
	must(os.Chmod(at("usr/bin/su"), os.ModeSetuid|0o755))
	must(os.Chmod(at("tmp"), os.ModeSticky|0o777))
	must(os.Chmod(at("g"), os.ModeSetgid|0o775))
	must(os.Chmod(at("zero"), 0))
	must(os.Link(at("usr/bin/su"), at("usr/bin/sudo")))
	must(os.Link(at("usr/bin/su"), at("again")))
	must(os.Symlink("../../outside/of/it", at("link")))
	must(os.Symlink("/etc/passwd", at("usr/abs")))
	must(os.Link(at("link"), at("link2")))
	must(os.Lchown(at("usr/abs"), 11, 12))
	must(unix.Mkfifo(at("fifo"), 0o640))
	must(unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(unix.Mknod(at("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(8, 1))))
	must(unix.Setxattr(at("zero"), "user.a.b", []byte("1\x002"), 0))
	must(unix.Setxattr(at("empty"), "user.dir", []byte("="), 0))
	must(unix.Lsetxattr(at("usr/abs"), "trusted.t", []byte("link"), 0))
	must(unix.Setxattr(at("usr/bin/ping"), "security.capability", []byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
	sparse, err := os.Create(at("sparse"))
	must(err)
	for i := range int64(40) { // more than a header's four or an extension's 21
		_, err = sparse.WriteAt([]byte("data"), i<<20+i)
		must(err)
	}
	must(sparse.Truncate(50 << 20))
	must(sparse.Close())
	i := 0
	walk(t, dir, func(_, path string, _ *unix.Stat_t) {
		i++
		ts := unix.NsecToTimespec(when.Add(time.Duration(i) * 1234567 * time.Microsecond).UnixNano())
		must(unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
	})
}

// TestLikeTar: file for file what GNU tar makes of its own archives.
func TestLikeTar(t *testing.T) {
	testkit.Require(t, testkit.Root)
	program := testkit.RequireTool(t, "tar")
	src := t.TempDir()
	sample(t, src)
	for _, format := range [][]string{
		{"--format=posix"}, {"--format=gnu"}, {"--format=posix", "--sparse-version=0.0"}, {"--format=posix", "--sparse-version=0.1"}, {"--format=posix", "--sparse-version=1.0"}, {"--format=gnu", "-S"},
	} {
		args := append([]string{"-C", src, "--xattrs", "--xattrs-include=*", "--numeric-owner", "--sort=name", "-c", "-f", "-"}, format...)
		if len(format) > 1 {
			args = append(args, "-S")
		}
		if format[0] == "--format=gnu" { // has no room for them
			args[2] = "--no-xattrs"
			args = append(args[:3], args[4:]...)
		}
		out, err := exec.Command(program, append(args, ".")...).Output()
		if err != nil {
			t.Fatalf("%v: %v", format, err)
		}
		theirs := t.TempDir()
		x := exec.Command(program, "-C", theirs, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", "-")
		x.Stdin = bytes.NewReader(out)
		if text, err := x.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", format, err, text)
		}
		for _, flat := range []bool{true, false} {
			ours, r := applied(t, out, unpack.Options{Flat: flat, Nodes: true})
			differ(t, facts(t, ours), facts(t, theirs))
			var st unix.Stat_t
			if err := unix.Stat(filepath.Join(ours, "sparse"), &st); err != nil || st.Blocks > 2000 {
				t.Errorf("%v: the sparse file takes %d blocks of 512 bytes, %v", format, st.Blocks, err)
			}
			if r.Skipped+r.Xattrs > 0 {
				t.Errorf("%v: left out: %+v", format, r)
			}
		}
	}
}

// TestLikeUmoci: file for file what umoci makes of an image with several layers,
// in one folder, and as an overlay shows it.
func TestLikeUmoci(t *testing.T) {
	testkit.Require(t, testkit.Root)
	umoci := testkit.RequireTool(t, "umoci")
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	sample(t, src)
	first, err := exec.Command(testkit.RequireTool(t, "tar"), "-C", src, "--format=posix", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-c", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	layers := [][]byte{first,
		layer(t, tar.Header{Name: "usr/", Uid: 3}, tar.Header{Name: "usr/bin/", Mode: 0o711}, tar.Header{Name: "usr/bin/.wh.su"}, tar.Header{Name: "usr/bin/new", Uname: "1"}, tar.Header{Name: "zero", Uname: "2"}, tar.Header{Name: ".wh.fifo"}),
		layer(t, tar.Header{Name: "g/", Mode: 0o700}, tar.Header{Name: "g/.wh..wh..opq"}, tar.Header{Name: "g/only", Uid: 70000}, tar.Header{Name: "link", Uname: "now a file"}, tar.Header{Name: "empty", Typeflag: tar.TypeSymlink, Linkname: "tmp"}),
		layer(t, tar.Header{Name: ".wh.usr"}, tar.Header{Name: "disk/", Mode: 0o750}, tar.Header{Name: "disk/in", Uname: "3"})}
	image := filepath.Join(dir, "image")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(umoci, args...).CombinedOutput(); err != nil {
			t.Fatalf("umoci %v: %v: %s", args, err, out)
		}
	}
	run("init", "--layout", image)
	run("new", "--image", image+":x")
	flat, shown := filepath.Join(dir, "flat"), filepath.Join(dir, "shown")
	lowers, o := []string{filepath.Join(dir, "skeleton")}, unpack.Options{Nodes: true}
	for i, data := range layers {
		file, name := filepath.Join(dir, "layer.tar"), filepath.Join(dir, fmt.Sprint("layer", i))
		for _, d := range []string{flat, shown, lowers[0], name} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		run("raw", "add-layer", "--image", image+":x", file)
		if _, err := apply(t, name, data, o); err != nil {
			t.Fatal(err)
		}
		if _, err := apply(t, flat, data, unpack.Options{Nodes: true, Flat: true}); err != nil {
			t.Fatal(err)
		}
		lowers = append([]string{lowers[0], name}, lowers[1:]...)
	}
	run("unpack", "--image", image+":x", filepath.Join(dir, "bundle"))
	if err := unix.Mount("overlay", shown, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(lowers, ":")); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(shown, unix.MNT_DETACH) }()
	want := withoutTop(facts(t, filepath.Join(dir, "bundle", "rootfs")))
	differ(t, withoutTop(facts(t, flat)), want)
	differ(t, withoutTop(facts(t, shown)), want)
}
