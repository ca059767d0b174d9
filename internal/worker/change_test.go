package worker_test

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// site is a root under construction over one layer.
type site struct {
	t       *testing.T
	w       *worker.Worker
	dir     string
	fs      string // what the changes make
	project string
	root    rootfs.Spec
}

// build makes a root that has the links of a hostile image, and a project.
func build(t *testing.T, w *worker.Worker, headers ...tar.Header) *site {
	t.Helper()
	dir := place(t, w)
	s := &site{t: t, w: w, dir: dir, fs: filepath.Join(dir, "up, per:", "fs"), project: filepath.Join(dir, "project")}
	for _, name := range []string{"base", "up, per:/fs", "up, per:/work", "project"} {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	layer := blob(t, archive(t, append([]tar.Header{{Name: "usr/bin/"}, {Name: "usr/bin/sh", Uname: "sh"}, link("bin", "usr/bin"),
		link("abs", dir), link("up", strings.Repeat("../", 30)+dir), link("into", "/work"), link("loop", "loop")}, headers...)...))
	layer.Dest = filepath.Join(dir, "base")
	_, err := w.Unpack(ctx, []worker.Layer{layer}, noLimits, nil)
	must(t, err)
	s.root = rootfs.Spec{Kind: rootfs.Dir, Layers: []string{layer.Dest}, Upper: filepath.Dir(s.fs), Project: s.project}
	return s
}

func link(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
}

func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.project, name)
	must(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(s.t, os.WriteFile(path, []byte(text), 0o644))
}

func (s *site) change(changes ...worker.Change) error {
	return s.w.Change(ctx, s.root, worker.Limits{Bytes: 1 << 20, Files: 100}, changes...)
}

// makes wants changes to make what is listed in the upper layer.
func (s *site) makes(want []string, changes ...worker.Change) {
	s.t.Helper()
	if err := s.change(changes...); err != nil {
		s.t.Error(err)
	}
	if got := names(s.t, s.fs); !slices.Equal(got, want) {
		s.t.Errorf("%+v made\n%q, want\n%q", changes[0], got, want)
	}
}

func (s *site) fails(want string, changes ...worker.Change) {
	s.t.Helper()
	if err := s.change(changes...); err == nil || !strings.Contains(err.Error(), want) {
		s.t.Errorf("%+v: %v, want %q", changes[0], err, want)
	}
}

func copyOf(source, to string) worker.Change {
	return worker.Change{Kind: worker.Copy, Path: to, Copy: &plan.Step{Kind: plan.StepCopy, Source: source, Target: to, Umask: 0o002}}
}

func TestChange(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		t.Run("dir", func(t *testing.T) {
			s := build(t, w)
			s.makes([]string{"a/", "a/b/"}, worker.Change{Kind: worker.EnsureDir, Path: "/a/b"}, worker.Change{Kind: worker.EnsureDir, Path: "/a"})
			if st := lstat(t, filepath.Join(s.fs, "a")); st.Mode&0o7777 != 0o755 {
				t.Errorf("mode %o", st.Mode)
			}
			s.fails("cannot make the folder: ", worker.Change{Kind: worker.EnsureDir, Path: "/bin/sh/x"})
			s.fails("cannot make the folder: ", worker.Change{Kind: worker.EnsureDir, Path: "/loop/x"})
		})
		t.Run("text", func(t *testing.T) {
			s := build(t, w)
			s.makes([]string{"etc/", "etc/motd=hello", "usr/", "usr/bin/", "usr/bin/sh=new"},
				worker.Change{Kind: worker.Text, Path: "/etc/motd", Content: "hello"}, worker.Change{Kind: worker.Text, Path: "/bin/sh", Content: "new"})
			if st := lstat(t, filepath.Join(s.fs, "etc/motd")); st.Mode&0o7777 != 0o644 || st.Uid != uint32(os.Geteuid()) {
				t.Errorf("mode %o, uid %d", st.Mode, st.Uid)
			}
			s.fails("cannot replace: ", worker.Change{Kind: worker.Text, Path: "/usr"})
		})
		t.Run("remove", func(t *testing.T) {
			s := build(t, w)
			s.makes([]string{"!bin", "usr/", "usr/bin/", "!usr/bin/sh"},
				worker.Change{Kind: worker.Remove, Path: "/bin/sh"}, worker.Change{Kind: worker.Remove, Path: "/bin"}, worker.Change{Kind: worker.Remove, Path: "/none/x"})
		})
		t.Run("unknown", func(t *testing.T) {
			build(t, w).fails("internal error: no change", worker.Change{Kind: "x"})
		})
	})
}

func TestCopy(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		s := build(t, w, tar.Header{Name: "shut/", Mode: 0o555, Uid: 4}, tar.Header{Name: "file", Uname: "x"})
		s.write("src/bin/tool", "t")
		s.write("src/shut/f", "new")
		s.write("src/file/sub/f", "f")
		s.write("src/f~", "of an editor")
		must(t, os.Chmod(filepath.Join(s.project, "src/bin/tool"), 0o711))
		must(t, os.Symlink("nowhere", filepath.Join(s.project, "src/l")))
		s.makes([]string{"file/", "file/sub/", "file/sub/f=f", "l->nowhere", "shut/", "shut/f=new", "usr/", "usr/bin/", "usr/bin/tool=t"}, copyOf("src", "/"))
		for name, mode := range map[string]uint32{"shut": 0o555, "usr/bin/tool": 0o775, "shut/f": 0o664, "file/sub": 0o775, ".": 0o755} {
			if st := lstat(t, filepath.Join(s.fs, name)); st.Mode&0o7777 != mode {
				t.Errorf("%s has mode %o, want %o", name, st.Mode&0o7777, mode)
			}
		}
		if st := lstat(t, filepath.Join(s.fs, "shut/f")); st.Mtim.Sec != 1 {
			t.Errorf("time %v", st.Mtim)
		}
		s.fails("cannot copy src/bin/tool to /usr: there is a folder; name the file in it", copyOf("src/bin/tool", "/usr"))
		s.fails("no such file", copyOf("none", "/x"))
		owned := copyOf("src/bin/tool", "/owned")
		owned.Copy.OwnerUID = new(uint32)
		*owned.Copy.OwnerUID = 12
		if kind == "own" {
			s.fails("can't belong to 12:0: that id is not mapped", owned)
		} else if err := s.change(owned); err != nil || lstat(t, filepath.Join(s.fs, "owned")).Uid == uint32(os.Geteuid()) {
			t.Errorf("an owner: %v", err)
		}
	})
}

// TestChangeStaysInside: no link of an image leads to anything of the host, and
// none into the project.
func TestChangeStaysInside(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		s := build(t, w)
		s.write("mine", "mine")
		must(t, os.WriteFile(filepath.Join(s.dir, "outside"), []byte("o"), 0o644))
		s.write("a.tar", string(archive(t, tar.Header{Name: "mine", Uname: "theirs"}, tar.Header{Name: "outside", Uname: "theirs"})))
		before := [2][]string{names(t, s.project), names(t, filepath.Join(s.dir, "base"))}
		for _, path := range []string{"/abs/", "/up/", "/into/"} {
			for _, c := range []worker.Change{
				{Kind: worker.Text, Path: path + "mine", Content: "theirs"}, {Kind: worker.Text, Path: path + "outside", Content: "theirs"},
				{Kind: worker.EnsureDir, Path: path + "made"}, {Kind: worker.Remove, Path: path + "mine"}, {Kind: worker.Remove, Path: path + "outside"},
				copyOf("a.tar", path+"mine"), copyOf("a.tar", path+"outside"), {Kind: worker.Tar, Source: "/work/a.tar", Path: path},
			} {
				_ = s.change(c) // inside the root it may well work
			}
		}
		if after := [2][]string{names(t, s.project), names(t, filepath.Join(s.dir, "base"))}; !slices.Equal(before[0], after[0]) || !slices.Equal(before[1], after[1]) {
			t.Errorf("before %q, after %q", before, after)
		}
		if data, err := os.ReadFile(filepath.Join(s.dir, "outside")); err != nil || string(data) != "o" {
			t.Errorf("outside: %q, %v", data, err)
		}
		s.fails("read-only file system", worker.Change{Kind: worker.Text, Path: "/into/mine", Content: "theirs"})
	})
}

// TestInPlace: a root that is a folder of its own is changed as one in layers.
func TestInPlace(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		s := build(t, w)
		s.root = rootfs.Spec{Kind: rootfs.Dir, Path: filepath.Join(s.dir, "base"), InPlace: true, Project: s.project}
		if err := s.change(worker.Change{Kind: worker.Text, Path: "/bin/sh", Content: "new"}, worker.Change{Kind: worker.Remove, Path: "/abs"}); err != nil {
			t.Fatal(err)
		}
		got := names(t, s.root.Path)
		if !slices.Contains(got, "usr/bin/sh=new") || slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, "abs") }) {
			t.Errorf("there is %q", got)
		}
	})
}

func TestTar(t *testing.T) {
	tool := testkit.RequireTool(t, "tar")
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		s := build(t, w)
		from := filepath.Join(t.TempDir(), "tree")
		must(t, os.MkdirAll(filepath.Join(from, "top/dir"), 0o755))
		must(t, os.WriteFile(filepath.Join(from, "top/dir/f"), []byte("text"), 0o755))
		must(t, os.Link(filepath.Join(from, "top/dir/f"), filepath.Join(from, "top/g")))
		must(t, os.WriteFile(filepath.Join(from, "beside"), []byte("b"), 0o644))
		holes, err := os.Create(filepath.Join(from, "top/holes"))
		must(t, err)
		must(t, holes.Truncate(100000))
		holes.Close()
		for name, option := range map[string]string{"a.tar": "--format=gnu", "a.tar.gz": "-z", "a.tar.xz": "-J", "a.tar.bz2": "-j", "a.tar.zst": "--zstd"} {
			out, err := exec.Command(tool, "-C", from, "-S", "-c", "-f", filepath.Join(s.project, name), option, "./top", "./beside").CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			to := "/" + strings.ReplaceAll(name, ".", "")
			whole := worker.Change{Kind: worker.Tar, Path: to, Source: "/work/" + name, Subdir: "."}
			part := worker.Change{Kind: worker.Tar, Path: to + "/deep", Blob: filepath.Join(s.project, name), Subdir: "top"}
			if err := s.change(whole, part); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			zeros := strings.Repeat("\x00", 100000)
			want := []string{"beside=b", "deep/", "deep/dir/", "deep/dir/f=text", "deep/g=text", "deep/holes=" + zeros,
				"top/", "top/dir/", "top/dir/f=text", "top/g=text", "top/holes=" + zeros}
			if got := names(t, filepath.Join(s.fs, to)); !slices.Equal(got, want) {
				t.Errorf("%s: %.300q", name, got)
			}
			if lstat(t, filepath.Join(s.fs, to, "deep/g")).Ino != lstat(t, filepath.Join(s.fs, to, "deep/dir/f")).Ino {
				t.Errorf("%s: hard links are two files", name)
			}
		}
		s.fails("there is no none in the archive", worker.Change{Kind: worker.Tar, Path: "/x", Source: "/work/a.tar", Subdir: "none"})
		s.fails("cannot open the archive: ", worker.Change{Kind: worker.Tar, Path: "/x", Source: "/work/none"})
		s.fails("cannot open the archive: ", worker.Change{Kind: worker.Tar, Path: "/x", Blob: "/none"})
		s.fails("hard link to something outside of top/dir", worker.Change{Kind: worker.Tar, Path: "/x", Blob: s.path(t, "l.tar", tar.Header{Name: "f"}, tar.Header{Name: "top/dir/g", Typeflag: tar.TypeLink, Linkname: "f"}), Subdir: "top/dir"})
		s.write("text", "this is no archive")
		s.fails("the archive is ", worker.Change{Kind: worker.Tar, Path: "/x", Source: "/work/text"})
		s.write("cut.gz", string(zip(t, make([]byte, 10000))[:30]))
		s.fails("the archive is ", worker.Change{Kind: worker.Tar, Path: "/x", Source: "/work/cut.gz"})
		s.write("window.zst", "\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00") // 128 MiB (RFC 8878, 3.1.1.1.2)
		s.fails("the archive is compressed with a zstd window of more than 64 MiB; compress it again without --long or --ultra", worker.Change{Kind: worker.Tar, Path: "/x", Source: "/work/window.zst"})
		s.write("bomb.gz", string(zip(t, archive(t, tar.Header{Name: "f", Uname: strings.Repeat("x", 2<<20)}))))
		s.fails("the archive unpacks to more than 1048576 bytes; if it is meant to be so large, raise layer-limits in the settings", worker.Change{Kind: worker.Tar, Path: "/x", Source: "/work/bomb.gz"})
	})
}

// path writes an archive to the project, and gives its path.
func (s *site) path(t *testing.T, name string, headers ...tar.Header) string {
	t.Helper()
	s.write(name, string(archive(t, headers...)))
	return filepath.Join(s.project, name)
}

// TestDebian: what mmdebstrap finds. A script stands for it, because the real one
// needs a mirror; test/example runs that.
func TestDebian(t *testing.T) {
	each(t, func(t *testing.T, kind string, w *worker.Worker) {
		dir := place(t, w)
		dest, log, program := filepath.Join(dir, "fs"), filepath.Join(dir, "log"), filepath.Join(dir, "program")
		must(t, os.Mkdir(dest, 0o755))
		must(t, os.WriteFile(program, []byte(`#!/bin/sh
echo "args $*"
echo "pid $$ uid $(id -u) umask $(umask) env $X"
echo "said again" >/dev/stderr
grep -h SigBlk /proc/self/status
for last; do before=$dest; dest=$last; done
mkdir -p $before/dev/pts && : >$before/dev/null
sleep 1000 &
[ -z "$FAIL" ]
`), 0o755))
		d := worker.Debian{Program: program, Release: "bookworm", Variant: "minbase", Packages: []string{"a", "b"}, Sources: []string{"http://mirror"}, Options: []string{"--hook"},
			Env: []string{"X=1", "PATH=/usr/bin:/bin"}, Dest: dest, Log: log}
		must(t, w.Debian(ctx, d))
		text, err := os.ReadFile(log)
		must(t, err)
		for _, want := range []string{"args --mode=root --format=directory --variant=minbase --hook --include=a,b bookworm " + dest + " http://mirror\n", " uid 0 umask 0022 env 1\n", "SigBlk:\t0000000000000000\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		if got := names(t, dest); !slices.Equal(got, []string{"dev/"}) {
			t.Errorf("there is %q", got)
		}
		d.Env = append(d.Env, "FAIL=1")
		if err := w.Debian(ctx, d); err == nil || err.Error() != "mmdebstrap failed: exit status 1" {
			t.Errorf("%v", err)
		}
	})
}
