package worker_test

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/worker"
	"golang.org/x/sys/unix"
)

var noLimits = worker.Limits{}

func TestUnpack(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		dir := place(t, w)
		lower, upper := filepath.Join(dir, "lower, with:all"), filepath.Join(dir, "upper")
		must(t, os.Mkdir(lower, 0o755))
		must(t, os.Mkdir(upper, 0o755))
		one := blob(t, archive(t, tar.Header{Name: "d/", Mode: 0o750, Uid: 5, Gid: 6}, tar.Header{Name: "d/f", Uname: "text", Uid: 33, Gid: 42, Mode: 0o4755}, tar.Header{Name: "d/g", Typeflag: tar.TypeLink, Linkname: "d/f"}))
		two := blob(t, archive(t, tar.Header{Name: "d/.wh.f"}, tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}))
		one.Dest, two.Dest, two.Lower = lower, upper, []string{lower}
		var told []int64
		got, err := w.Unpack(ctx, []worker.Layer{one, two}, noLimits, func(layer int, read int64) { told = append(told, int64(layer), read) })
		must(t, err)
		skipped := 0
		if kind != "root" {
			skipped = 1
		}
		want := []worker.Unpacked{{Bytes: 4, Files: 3}, {Files: 3, Skipped: skipped}}
		if !slices.Equal(got, want) {
			t.Errorf("unpacked %+v, want %+v", got, want)
		}
		if len(told) < 4 || told[0] != 0 || !slices.Equal(told[len(told)-2:], []int64{1, two.Size}) || told[1] > one.Size {
			t.Errorf("told %v; the sizes are %d, %d", told, one.Size, two.Size)
		}
		size, files, err := w.Measure(ctx, lower)
		if err != nil || size != 4 || files != 4 {
			t.Errorf("measured %d bytes, %d files, %v", size, files, err)
		}
		if st := lstat(t, filepath.Join(upper, "d")); kind != "own" && (st.Mode&0o777 != 0o750 || st.Uid != lstat(t, filepath.Join(lower, "d")).Uid || st.Uid == uint32(os.Geteuid())) {
			t.Errorf("a folder that the upper layer implies: %o, %d", st.Mode, st.Uid)
		}
	})
}

func TestUnpackErrors(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		dir := place(t, w)
		good := blob(t, archive(t, tar.Header{Name: "f", Uname: "more than ten bytes"}, tar.Header{Name: "g"}))
		good.Dest = dir
		cut, wrong, nowhere, missing := good, good, good, good
		cut.Size -= 9
		wrong.DiffID = "sha256:" + strings.Repeat("0", 64)
		nowhere.Dest = filepath.Join(dir, "none")
		missing.Blob += "x"
		for want, c := range map[string]struct {
			layer  worker.Layer
			limits worker.Limits
		}{
			"layer " + good.DiffID + ": the layer is truncated: ":       {cut, noLimits},
			"layer " + wrong.DiffID + ": its content is " + good.DiffID: {wrong, noLimits},
			"/none: no such file":                                         {nowhere, noLimits},
			"cannot open layer: open " + missing.Blob:                     {missing, noLimits},
			"raise layer-limits in the settings":                          {good, worker.Limits{Bytes: 10}},
			"if it is meant to be so large, raise layer-limits in the se": {good, worker.Limits{Files: 1}},
		} {
			_, err := w.Unpack(ctx, []worker.Layer{c.layer}, c.limits, nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	})
}

// TestRemove: neither modes nor owners keep a tree, and no link is followed.
func TestRemove(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		dir := place(t, w)
		outside := filepath.Join(t.TempDir(), "outside")
		must(t, os.WriteFile(outside, nil, 0o644))
		layer := blob(t, archive(t, tar.Header{Name: "a/", Mode: 0o1000, Uid: 7}, tar.Header{Name: "a/b/", Mode: 0o2000}, tar.Header{Name: "a/b/f", Uid: 8, Mode: 0o400},
			tar.Header{Name: "a/out", Typeflag: tar.TypeSymlink, Linkname: outside}, tar.Header{Name: "a/up", Typeflag: tar.TypeSymlink, Linkname: "../.."}))
		layer.Dest = filepath.Join(dir, "tree")
		must(t, os.Mkdir(layer.Dest, 0o755))
		_, err := w.Unpack(ctx, []worker.Layer{layer}, noLimits, nil)
		must(t, err)
		must(t, w.Remove(ctx, layer.Dest, filepath.Join(dir, "none")))
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		if _, err := os.Stat(outside); err != nil {
			t.Error(err)
		}
		if err := w.Remove(ctx, "/proc/self/stat"); err == nil || !strings.HasPrefix(err.Error(), "cannot remove /proc/self/stat: ") {
			t.Errorf("what can't be removed: %v", err)
		}
	})
}

func TestCopyTree(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		dir := place(t, w)
		from, to := filepath.Join(dir, "-from"), filepath.Join(dir, "to")
		must(t, os.Mkdir(from, 0o755))
		must(t, os.Mkdir(to, 0o700))
		layer := blob(t, archive(t, tar.Header{Name: "./", Mode: 0o1755, Uid: 3}, tar.Header{Name: "f", Uname: "text", Uid: 33, Mode: 0o4755}, tar.Header{Name: "g", Typeflag: tar.TypeLink, Linkname: "f"},
			tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/nowhere"}, tar.Header{Name: "x", PAXRecords: map[string]string{"SCHILY.xattr.user.u": "1"}}))
		layer.Dest = from
		_, err := w.Unpack(ctx, []worker.Layer{layer}, noLimits, nil)
		must(t, err)
		must(t, w.CopyTree(ctx, from, to))
		if !slices.Equal(names(t, from), names(t, to)) {
			t.Errorf("copied %q", names(t, to))
		}
		if lstat(t, filepath.Join(to, "f")).Ino != lstat(t, filepath.Join(to, "g")).Ino {
			t.Error("hard links are two files")
		}
		for _, name := range []string{"", "f", "l", "x"} {
			a, b := lstat(t, filepath.Join(from, name)), lstat(t, filepath.Join(to, name))
			if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || a.Mtim != b.Mtim {
				t.Errorf("%s: %o %d:%d, want %o %d:%d", name, b.Mode, b.Uid, b.Gid, a.Mode, a.Uid, a.Gid)
			}
		}
		buf := make([]byte, 9)
		if n, err := unix.Getxattr(filepath.Join(to, "x"), "user.u", buf); err != nil || string(buf[:n]) != "1" {
			t.Errorf("xattr %q, %v", buf[:max(0, n)], err)
		}
		if err := w.CopyTree(ctx, dir+"/none", to); err == nil || !strings.Contains(err.Error(), "cannot copy "+dir+"/none: ") {
			t.Errorf("nothing: %v", err)
		}
	})
}

func TestCanOverlay(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		dir := place(t, w)
		if can, err := w.CanOverlay(ctx, dir); err != nil || !can {
			t.Errorf("%v, %v", can, err)
		}
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		if _, err := w.CanOverlay(ctx, dir+"/none"); err == nil {
			t.Error("no error for what is not there")
		}
		if can, err := w.CanOverlay(ctx, "/proc"); can || err == nil {
			t.Errorf("/proc: %v, %v", can, err)
		}
	})
}

// TestCanNotOverlay: an overlay neither holds whiteouts nor is one's upper folder.
func TestCanNotOverlay(t *testing.T) {
	testkit.Require(t, testkit.Root)
	w := worker.New(nil)
	dir := place(t, w)
	for _, name := range []string{"lower", "upper", "work", "at"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	must(t, unix.Mount("overlay", in("at"), "overlay", 0, "lowerdir="+in("lower")+",upperdir="+in("upper")+",workdir="+in("work")))
	defer func() { must(t, unix.Unmount(in("at"), 0)) }()
	if can, err := w.CanOverlay(ctx, in("at")); can || err != nil {
		t.Errorf("%v, %v", can, err)
	}
}

// hanging makes a pipe that a worker waits for, for ever.
func hanging(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	must(t, unix.Mkfifo(path, 0o600))
	return path
}

func TestInterrupted(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err := w.Unpack(ctx, []worker.Layer{{Blob: hanging(t), Dest: "/"}}, noLimits, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > testkit.Slow(5*time.Second) {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// TestParentKilled: no worker outlives who started it, whenever that dies.
func TestParentKilled(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		pipe := hanging(t)
		for i := range testkit.Rounds(t, 20) {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), hangVar+"="+kind+":"+pipe)
			mark, err := testkit.StartMarked(cmd)
			must(t, err)
			if i == 0 { // once when all is in place
				if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return len(testkit.Named(living(mark), worker.Argv0)) > 0 }) {
					t.Error("no worker waits")
				}
			} else {
				time.Sleep(time.Duration(i) * 700 * time.Microsecond)
			}
			must(t, cmd.Process.Kill())
			_ = cmd.Wait()
			if !testkit.Until(testkit.Slow(5*time.Second), func() bool { return len(living(mark)) == 0 }) {
				t.Fatalf("round %d: processes are left: %v", i, living(mark))
			}
		}
	})
}

// living are the marked processes but for zombies, for which their new parent is to
// blame.
func living(mark uint64) []testkit.Process { return testkit.Living(testkit.Marked(mark)) }
