package images_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// mount mounts something where a project's store will be, until the test ends.
func (p *project) mount(kind, options string) {
	p.t.Helper()
	at := filepath.Dir(p.store)
	must(p.t, os.MkdirAll(at, 0o755))
	must(p.t, unix.Mount(kind, at, kind, 0, options))
	p.t.Cleanup(func() { must(p.t, unix.Unmount(at, 0)) })
}

// TestFullDisk: one clear message, nothing half made, and with more room it works.
func TestFullDisk(t *testing.T) {
	testkit.Require(t, testkit.Root)
	r := serve(t)
	r.push("app", imageOf(t, configOf(), base(t), layerOf(t, entry{name: "version", text: "1"})))
	for _, c := range []struct{ size, command, want string }{
		{"300k", "box", "cannot keep the download: "},
		{"2m", "box", "layer sha256:"},
		{"6m", "made", "!Sh: /bin/sh gave status 1"},
		{"8m", "copied", "!Copy: "},
	} {
		t.Run(c.command+" "+c.size, func(t *testing.T) {
			p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  made: {setup: [!Image "HOST/app", !Sh "yes >/big"]}
  copied: {setup: [!Image "HOST/app", !Copy {source: ./big, path: /big}]}
commands:
  box: !Command {container: box, run: cat /version}
  made: !Command {container: made, run: "true"}
  copied: !Command {container: copied, run: "true"}
`)
			must(t, os.WriteFile(p.Path("big"), make([]byte, 16<<20), 0o644))
			p.mount("tmpfs", "size="+c.size)
			got := p.Run(c.command)
			if got.Code != 127 || !strings.Contains(got.Err, c.want) || !strings.Contains(strings.ToLower(got.Err), "no space left on device") {
				t.Errorf("%+v", got)
			}
			if left := p.left("tmp", "images"); len(left) > 1 || len(left) == 1 && c.command == "box" {
				t.Errorf("left in the store: %q", left)
			}
			if c.command == "box" {
				must(t, unix.Mount("tmpfs", filepath.Dir(p.store), "", unix.MS_REMOUNT, "size=20m"))
			}
			p.wants("1", "box")
			p.empty()
		})
	}
}

// TestReadOnlyStore: what is there can be started.
func TestReadOnlyStore(t *testing.T) {
	testkit.Require(t, testkit.Root)
	r := serve(t)
	r.push("app", system(t, "1"))
	p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  made: {setup: [!Image "HOST/app", !Text {/made: made}]}
  other: {setup: [!Image "HOST/app", !Text {/made: other}]}
commands:
  box: !Command {container: box, run: cat /version}
  made: !Command {container: made, run: cat /made}
  other: !Command {container: other, run: cat /made}
`)
	p.wants("1", "box")
	p.wants("made", "made")
	must(t, os.Remove(filepath.Join(p.store, "tmp/trash")))
	must(t, unix.Mount(p.store, p.store, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(p.store, unix.MNT_DETACH) })
	must(t, unix.Mount("", p.store, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	p.wants("1", "box")
	p.wants("made", "made")
	p.Fails(127, []string{"read-only file system"}, "other")
	must(t, unix.Unmount(p.store, 0))
}

// TestFlat: where the store's filesystem can't hold layers as overlayfs wants
// them, containers and recipes show the same.
func TestFlat(t *testing.T) {
	testkit.Require(t, testkit.Root)
	r := serve(t)
	r.push("app", imageOf(t, configOf("A=1"), base(t),
		layerOf(t, entry{name: "gone", text: "x"}, entry{name: "data/old", text: "x"}, entry{name: "d/f", uid: 3, gid: 4, mode: 0o4750, text: "f"}, entry{name: "l->d/f"}, entry{name: "was/dir/f", text: "x"}),
		layerOf(t, entry{name: ".wh.gone"}, entry{name: "data/"}, entry{name: "data/.wh..wh..opq"}, entry{name: "data/new", text: "x"}, entry{name: "was/dir", text: "a file"})))
	show := func(mount bool) (out string, layers int) {
		p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  made: {setup: [!Image "HOST/app", !Sh "rm -r /was; echo made >/made; ls -la /data >/seen; ln /made /made2", !Remove /d/f, !Text {/tmp/t: "t", /d/g: "g"}, !Cmd [cp, /tmp/t, /t]]}
  top: {setup: [!Container made, !Sh "rm /made2; mkdir -m 1777 /own; echo top >>/made", !Copy {source: ., path: /lib/project}]}
commands:
  box: !Command {container: box, run: "find / -xdev ! -path '/lib/*' ! -path '/etc/*' | sort; stat -c '%a %u:%g %h %n' /d/f /; cat /l /was/dir; echo $A"}
  made: !Command {container: made, run: "find / -xdev | sort; cat /made /t /d/g; stat -c '%a %h %n' /made /; touch /x"}
  top: !Command {container: top, write-mode: transient, run: "find / -xdev | sort; cat /made; stat -c '%a %h %n' /made /own; touch /x"}
`)
		if mount {
			dir := t.TempDir()
			for _, name := range []string{"lower", "upper", "work"} {
				must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
			}
			p.mount("overlay", "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work")
		}
		for range 2 {
			out = ""
			for _, command := range []string{"box", "made", "top"} {
				got := p.Run(command)
				out += got.Out + got.Err
			}
		}
		entries, err := os.ReadDir(filepath.Join(p.store, "ids/root/layers"))
		must(t, err)
		p.OK("_pull")
		p.OK("_build", "--force", "made")
		p.empty()
		return out, len(entries)
	}
	want, layers := show(false)
	got, one := show(true)
	if layers != 3 || one != 1 {
		t.Errorf("%d and %d layers", layers, one)
	}
	if got != want {
		t.Errorf("flat shows\n%s\nand layers\n%s", got, want)
	}
}
