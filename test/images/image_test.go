package images_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestImage: what an image says of its processes applies under what the project
// file says; whiteouts hide; a second start asks nobody.
func TestImage(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app:1", imageOf(t, v1.Config{
			Env: []string{"A=image", "B=image", "PATH=/opt:/bin"}, WorkingDir: "/srv", User: "user", Entrypoint: []string{"/opt/say"}, Cmd: []string{"one", "two words"},
		}, base(t), layerOf(t, entry{name: "gone", text: "x"}, entry{name: "data/old", text: "x"}, entry{name: "srv/", uid: 1000, gid: 1000}),
			layerOf(t, entry{name: ".wh.gone"}, entry{name: "data/"}, entry{name: "data/.wh..wh..opq"}, entry{name: "data/new", text: "x"},
				entry{name: "opt/say", text: "#!/bin/sh\necho \"$#:$*\" in $(pwd)\n"})))
		p := newProject(t, r, `
containers:
  box: {image: "HOST/app:1", environ: {B: file}}
commands:
  show: !Command {container: box, run: "echo $(id -u):$(id -g) $A $B $PATH; echo /gone* /data/*; pwd"}
  own: !Command {container: box}
  root: !Command {container: box, user-id: 0, run: [id, -u]}
  owner: !Command {container: box, user-id: 0, run: "stat -c %u:%g /srv /bin; touch /x"}
`).as(as)
		p.wants("1000:1000 image file /opt:/bin\n/gone* /data/new\n/work\n", "show")
		if n := len(r.blobs()); n != 4 {
			t.Errorf("%d blobs were fetched: %v", n, r.blobs())
		}
		r.behave(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusTeapot) })
		p.wants("2:one two words in /srv\n", "own")
		p.wants("0\n", "root")
		owner := "1000:1000\n0:0\n"
		if as == "own" {
			owner = "0:0\n0:0\n" // there is nobody else
		}
		got := p.Run("owner")
		if got.Out != owner || got.Code == 0 || !strings.Contains(got.Err, "Read-only file system") {
			t.Errorf("%+v", got)
		}
		if asked := r.requests(); len(asked) > 0 {
			t.Errorf("later starts asked for %q", asked)
		}
		if left := p.left("blobs", "tmp", "logs", "locks"); len(left) > 0 {
			t.Errorf("left in the store: %q", left)
		}
		if out := p.OK("_images"); !strings.Contains(out, r.host+"/app:1") {
			t.Errorf("_images: %s", out)
		}
	})
}

// TestUmask: whatever the caller's umask is, others than root see a container.
func TestUmask(t *testing.T) {
	r := serve(t)
	r.push("app", system(t, "1"))
	old := syscall.Umask(0o077)
	p := newProject(t, r, `
containers: {box: {setup: [!Image "HOST/app", !EnsureDir /made]}}
commands: {show: !Command {container: box, user-id: 1000, run: "stat -c '%a %n' / /made; cat /version"}}
`)
	p.wants("755 /\n755 /made\n1", "show")
	syscall.Umask(old)
}

// TestSnapshotOfNothing: the message says where there is no original.
func TestSnapshotOfNothing(t *testing.T) {
	r := serve(t)
	r.push("app", system(t, "1"))
	p := newProject(t, r, `
containers: {other: {image: "HOST/app"}, box: {image: "HOST/app", volumes: {/none: !Snapshot {container: other}}}}
commands: {show: !Command {container: box, run: cat /version}}
`)
	p.Fails(127, []string{"read the original of snapshot volume /none in the other container's layers: no such file"}, "show")
}

// TestLocalImages: a layout and an archive are read where they lie, and never stale.
func TestLocalImages(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		p := newProject(t, nil, `
containers:
  layout: {image: "oci:./images/layout"}
  archive: {image: "docker-archive:./images/saved.tar"}
commands:
  layout: !Command {container: layout, run: cat /version}
  archive: !Command {container: archive, run: cat /version}
`).as(as)
		for _, command := range []string{"layout", "archive"} {
			p.Fails(127, []string{"container " + command + " (", "lanyard.yaml:3:", "images/"}, command)
			break
		}
		must(t, os.Mkdir(p.Path("images"), 0o755))
		for _, version := range []string{"1", "2"} {
			img := system(t, version)
			must(t, os.RemoveAll(p.Path("images/layout")))
			at, err := layout.Write(p.Path("images/layout"), empty.Index)
			must(t, err)
			must(t, at.AppendImage(img))
			ref, err := name.NewTag("example.com/app:1")
			must(t, err)
			must(t, tarball.WriteToFile(p.Path("images/new.tar"), ref, img))
			must(t, os.Rename(p.Path("images/new.tar"), p.Path("images/saved.tar")))
			for range 2 {
				p.wants(version, "layout")
				p.wants(version, "archive")
			}
		}
		if left := p.left("blobs", "tmp"); len(left) > 0 {
			t.Errorf("left in the store: %q", left)
		}
	})
}

// TestSameLayerTwice: images have the same empty layer again and again.
func TestSameLayerTwice(t *testing.T) {
	r := serve(t)
	none, f := layerOf(t), layerOf(t, entry{name: "f", text: "f"})
	r.push("app", imageOf(t, v1.Config{}, none, base(t), none, f, none, layerOf(t, entry{name: ".wh.f"}), f, none))
	p := newProject(t, r, `
containers: {box: {image: "HOST/app"}}
commands: {show: !Command {container: box, run: cat /f}}
`)
	p.wants("f", "show")
}

// TestPull: a tag that stands for another image is only looked up when it is asked
// for, and what is built on it is built anew then.
func TestPull(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app", system(t, "1"))
		p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  base: {setup: [!Image "HOST/app"]}
  made: {setup: [!Container base, !Sh "cat /version >/copy; echo built >>/work/log"]}
commands:
  box: !Command {container: box, run: cat /version}
  made: !Command {container: made, run: cat /copy}
`).as(as)
		p.wants("1", "box")
		p.wants("1", "made")
		r.push("app", system(t, "2"))
		p.wants("1", "box")
		p.OK("_pull", "made")
		p.wants("2", "box")
		p.wants("2", "made")
		p.wants("2", "made")
		if data, _ := os.ReadFile(p.Path("log")); string(data) != "built\nbuilt\n" {
			t.Errorf("built: %q", data)
		}
		p.OK("_clean")
		p.wants("2", "made")
		r.behave(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusNotFound) })
		p.Fails(127, []string{"cannot make box: image " + r.host + "/app"}, "_pull", "box")
		p.wants("2", "box")
	})
}

// together runs lanyards at once.
func together(t *testing.T, p *project, n int, args ...string) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			got, err := p.TryRun(args...)
			if err != nil || got.Code != 0 {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
	group.Wait()
}

// TestTogether: however many need it at once, it is fetched once and built once.
func TestTogether(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		layers := []v1.Layer{base(t)}
		for i := range 5 {
			layers = append(layers, layerOf(t, entry{name: fmt.Sprint("f", i), text: strings.Repeat("x", i)}))
		}
		r.push("app", imageOf(t, v1.Config{}, layers...))
		p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  made: {setup: [!Image "HOST/app", !Sh "echo built >>/work/log"]}
commands:
  box: !Command {container: box, run: "cat /f4"}
  made: !Command {container: made, run: "cat /f4"}
`).as(as)
		together(t, p, 5, "box")
		for i, layer := range layers {
			d, err := layer.Digest()
			must(t, err)
			if n := r.blobs()[d.String()]; n != 1 {
				t.Errorf("layer %d was fetched %d times", i, n)
			}
		}
		together(t, p, 5, "made")
		if data, _ := os.ReadFile(p.Path("log")); string(data) != "built\n" {
			t.Errorf("built: %q", data)
		}
		if left := p.left("blobs", "tmp", "locks", "logs"); len(left) > 0 {
			t.Errorf("left in the store: %q", left)
		}
	})
}

// TestCacheDir: a cache is kept, and every project has the same.
func TestCacheDir(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app", system(t, "1"))
		const yaml = `
containers: {box: {image: "HOST/app", volumes: {/cache: !CacheDir pip}}, made: {setup: [!Image "HOST/app", !CacheDirs {/var/cache/x: pip}, !Sh "cat /var/cache/x/* >/seen; ls /var/cache >/list"]}}
commands: {put: !Command {container: box, run: "echo $NAME >/cache/$NAME"}, show: !Command {container: made, run: "cat /seen"}}
`
		one, two := newProject(t, r, strings.ReplaceAll(yaml, "$NAME", "one")).as(as), newProject(t, r, strings.ReplaceAll(yaml, "$NAME", "two")).as(as)
		two.Env, two.store = one.Env, one.store
		one.OK("put")
		two.OK("put")
		one.wants("one\ntwo\n", "show")
	})
}

// TestPersistent: a volume over an image is filled by its init-command, once.
func TestPersistent(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app", imageOf(t, v1.Config{User: "1000"}, base(t), layerOf(t, entry{name: "data/", uid: 1000, gid: 1000}, entry{name: "version", text: "1"})))
		owner := ", owner-uid: 1000"
		if as == "own" {
			owner = "" // whoever it is
		}
		p := newProject(t, r, `
containers: {box: {image: "HOST/app", volumes: {/data: !Persistent {name: db, init-command: fill`+owner+`}}}}
commands:
  fill: !Command {container: box, run: "cat /version >/data/v; echo filled >>/work/log"}
  show: !Command {container: box, run: "cat /data/v; stat -c %u /data; touch /data/more"}
`).as(as)
		must(t, os.Chmod(p.Dir, 0o777))
		t.Cleanup(func() { must(t, remove(p.Path(".lanyard"))) })
		for range 2 {
			p.wants("11000\n", "show")
		}
		if data, _ := os.ReadFile(p.Path("log")); string(data) != "filled\n" {
			t.Errorf("filled: %q", data)
		}
	})
}

// TestStoreElsewhere: the settings name another folder, with what paths may have.
func TestStoreElsewhere(t *testing.T) {
	r := serve(t)
	r.push("app", system(t, "1"))
	p := newProject(t, r, `
containers: {box: {setup: [!Image "HOST/app", !Text {/made: made}]}}
commands: {show: !Command {container: box, write-mode: transient, run: "cat /version /made"}}
`)
	p.store = filepath.Join(t.TempDir(), `a: "b", 'c\d'`)
	t.Cleanup(func() { must(t, remove(p.store)) })
	must(t, os.MkdirAll(filepath.Join(p.Config, "lanyard"), 0o755))
	must(t, os.WriteFile(filepath.Join(p.Config, "lanyard/settings.yaml"), fmt.Appendf(nil, "store: '%s'\n", strings.ReplaceAll(p.store, "'", "''")), 0o644))
	p.wants("1made", "show")
	if len(p.left("ids")) == 0 {
		t.Error("nothing is there")
	}
}
