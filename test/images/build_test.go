package images_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestRecipe: each kind of step that needs no package, over an image, does the
// same to whoever builds.
func TestRecipe(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app", imageOf(t, configOf("A=image", "B=image"), base(t), layerOf(t, entry{name: "old/f", text: "x"}, entry{name: "lib->usr/lib"}, entry{name: "usr/lib/"})))
		p := newProject(t, r, `
containers:
  box:
    setup:
    - !Image "HOST/app"
    - !Env {B: "recipe", C: "recipe"}
    - !Text {/tmp/script: "echo from /tmp", /etc/motd: "hello\n"}
    - !Sh "sh /tmp/script >/out; echo $A $B $C $HOME $SECRET >>/out; id -u >>/out; pwd >>/out; echo x >/tmp/y; mkdir -m 700 /shut; touch /shut/f; chmod 000 /shut"
    - !Cmd [cp, /tmp/y, /y]
    - !Copy {source: ./src, path: /lib/app}
    - !Tar {path: ./a.tar, subdir: top}
    - !EnsureDir /made/deep
    - !Remove /old
    - !Depends ./dep
commands:
  show: !Command {container: box, run: "cat /out /etc/motd /y /usr/lib/app/f; cat /in; ls -d /old /made/deep; echo $A $B $C; ls /tmp"}
  id: !Command {container: box, run: "stat -c '%u:%g %a' /lib/app/f /shut /"}
`).as(as)
		p.Env = append(p.Env, "SECRET=of the caller")
		p.Write("src/f", "copied\n")
		p.Write("dep", "1")
		must(t, os.WriteFile(p.Path("a.tar"), archiveOf(t, entry{name: "top/in", text: "in the archive\n"}), 0o644))
		want := "from /tmp\nimage recipe recipe /root\n0\n/work\nhello\nx\ncopied\nin the archive\n/made/deep\nimage image\n"
		for range 2 {
			if got := p.Run("show"); got.Code != 0 || got.Out != want {
				t.Errorf("%+v, want %q", got, want)
			}
		}
		p.wants("0:0 664\n0:0 0\n0:0 755\n", "id")
		first := p.OK("_version_hash", "box")
		p.Write("dep", "2")
		if p.OK("_version_hash", "box") == first {
			t.Error("the version does not depend on ./dep")
		}
		if left := p.left("blobs", "tmp", "logs", "locks"); len(left) > 0 {
			t.Errorf("left in the store: %q", left)
		}
	})
}

// TestVersions: a change builds anew, going back finds what was built, and force
// builds the same again.
func TestVersions(t *testing.T) {
	r := serve(t)
	r.push("app", system(t, "1"))
	p := newProject(t, r, `
containers:
  box: {setup: [!Image "HOST/app", !Copy {source: ./f, path: /f}, !Sh "echo built >>/work/log"]}
  top: {setup: [!Container box, !Sh "echo top >>/work/log; cat /f >/g"]}
commands:
  show: !Command {container: top, run: cat /g}
  hang: !Command {container: top, run: "touch /work/up; sleep 1000"}
`)
	for _, version := range []string{"1", "2", "1", "2"} {
		p.Write("f", version)
		p.wants(version, "show")
	}
	log := func(want string) {
		t.Helper()
		if data, _ := os.ReadFile(p.Path("log")); string(data) != want {
			t.Errorf("built: %q, want %q", data, want)
		}
	}
	log("built\ntop\nbuilt\ntop\n")
	p.OK("_build", "--force", "box")
	log("built\ntop\nbuilt\ntop\nbuilt\n")
	p.wants("2", "show")
	log("built\ntop\nbuilt\ntop\nbuilt\ntop\n")

	stop := p.start("hang")
	if !testkit.Until(testkit.Slow(20e9), func() bool { _, err := os.Stat(p.Path("up")); return err == nil }) {
		t.Fatal("it does not run")
	}
	p.Fails(127, []string{"can't be made again while it is used"}, "_build", "--force", "box")
	log("built\ntop\nbuilt\ntop\nbuilt\ntop\n")
	p.OK("_clean", "--unused", "--at-least", "0")
	if out := p.OK("_images"); strings.Count(out, "\n") != 4 {
		t.Errorf("what runs is not kept: %s", out)
	}
	stop()
}

// TestChangedMeanwhile: what was made of files that changed while it was made is
// not kept under the name of what they were.
func TestChangedMeanwhile(t *testing.T) {
	r := serve(t)
	r.push("app", system(t, "1"))
	p := newProject(t, r, `
containers:
  box: {setup: [!Image "HOST/app", !Depends ./f, !Sh "test -e /work/once || { touch /work/once; echo 2 >/work/f; }; cat /work/f >/f"]}
commands: {show: !Command {container: box, run: cat /f}}
`)
	p.Write("f", "1\n")
	p.Fails(127, []string{"container box (DIR/lanyard.yaml:3:3): the files that its recipe names changed while it was built; start it again"}, "show")
	if left := p.left("tmp", "logs", "locks"); len(left) > 0 {
		t.Errorf("left in the store: %q", left)
	}
	p.Write("f", "1\n")
	p.wants("1\n", "show")
	p.Write("f", "2\n")
	p.wants("2\n", "show")
}

// TestSameArchive: builds with the same archive at once don't take it from each other.
func TestSameArchive(t *testing.T) {
	archive := archiveOf(t, entry{name: "in", text: "in"}, entry{name: "big", text: strings.Repeat("x", 8<<20)})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) }))
	t.Cleanup(web.Close)
	r := serve(t)
	r.push("app", system(t, "1"))
	const n = 6
	yaml, commands := "containers:\n  base: {image: \"HOST/app\"}\n", "commands:\n  base: !Command {container: base, run: cat /version}\n"
	for i := range n {
		yaml += fmt.Sprintf("  c%d: {setup: [!Image \"HOST/app\", !Env {A: \"%d\"}, !Tar {url: \"%s/a.tar\", sha256: %x, path: /t}]}\n", i, i, web.URL, sha256.Sum256(archive))
		commands += fmt.Sprintf("  c%d: !Command {container: c%d, run: cat /t/in}\n", i, i)
	}
	p := newProject(t, r, yaml+commands)
	p.wants("1", "base")
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if got, err := p.TryRun(fmt.Sprint("c", i)); err != nil || got.Code != 0 || got.Out != "in" {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
	group.Wait()
	if left := p.left("blobs", "tmp", "locks", "logs"); len(left) > 0 {
		t.Errorf("left in the store: %q", left)
	}
}

// TestFailedStep leaves nothing but its log, which it names.
func TestFailedStep(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app", system(t, "1"))
		p := newProject(t, r, `
containers:
  box:
    setup:
    - !Image "HOST/app"
    - !Sh "for i in $(seq 30); do echo line $i; done; test -e /work/good"
  missing: {setup: [!Image "HOST/app", !Cmd [/no/such, program]]}
  bad: {setup: [!Image "HOST/app", !Text {/version/x: y}]}
  pack: {setup: [!Image "HOST/app", !Install [something]]}
  broken: {setup: [!Image "HOST/app", !Text {/usr/local/bin/apk: "#!/bin/sh\nexit 126\n"}, !Cmd [chmod, "755", /usr/local/bin/apk], !Install [something]]}
  dash: {setup: [!Image "HOST/app", !Sh "-x; echo not here"]}
  again: {setup: [!Image "HOST/app", !Sh "set +x; echo first; echo second >/dev/stderr; echo third >/dev/stdout; exit 3"]}
  quiet: {setup: [!Image "HOST/app", !Cmd [sh, -c, "echo before"], !Cmd [sh, -c, "exit 3"]]}
  colour: {setup: [!Image "HOST/app", !Cmd [sh, -c, "printf '10%%\\r50%%\\r\\033[31mred\\033]0;title\\007\\r\\n\\302\\233x'; exit 3"]]}
commands:
  broken: !Command {container: broken, run: "true"}
  dash: !Command {container: dash, run: "true"}
  again: !Command {container: again, run: "true"}
  quiet: !Command {container: quiet, run: "true"}
  colour: !Command {container: colour, run: "true"}
  box: !Command {container: box, run: echo ran}
  missing: !Command {container: missing, run: "true"}
  bad: !Command {container: bad, run: "true"}
  pack: !Command {container: pack, run: "true"}
`).as(as)
		p.Fails(127, []string{r.host + "/app:latest was not fetched, and --no-build says not to do it; run: lanyard _build"}, "--no-build", "box")
		p.Fails(127, []string{"container box (DIR/lanyard.yaml:3:3): ", "lanyard.yaml:6:7: !Sh: /bin/sh gave status 1", "\n  line 30\n", "\nthe whole log is " + p.store + "/logs/box-"}, "box")
		p.Fails(127, []string{"its recipe is not built, and --no-build says not to build it; run: lanyard _build box"}, "--no-build", "box")
		p.Fails(127, []string{"!Cmd: ", "/no/such", "o such file", "\n  (it printed nothing)\nthe whole log is "}, "missing")
		p.Fails(127, []string{"/bin/sh gave status 3", "\n  first\n  second\n  third\n"}, "again")
		p.Fails(127, []string{"sh gave status 3\n  (it printed nothing)\n", "the whole log is " + p.store + "/logs/quiet-"}, "quiet")
		p.Fails(127, []string{"\n   [31mred ]0;title\n   x\n"}, "colour")
		p.Fails(127, []string{"!Text: cannot make the folder: mkdir /version: not a directory"}, "bad")
		p.Fails(127, []string{"!Install: no program to install packages with was found"}, "pack")
		p.Fails(127, []string{"!Install: /bin/sh gave status 126"}, "broken")
		p.Fails(127, []string{"!Sh: /bin/sh gave status 127", "-x: not found"}, "dash")
		logs := p.left("logs")
		data, err := os.ReadFile(filepath.Join(p.store, logs[len(logs)-1]))
		must(t, err)
		if left := p.left("tmp", "blobs", "locks"); len(left) > 0 || len(logs) < 1 || len(data) == 0 {
			t.Errorf("left in the store: %q, logs %q", left, logs)
		}
		p.Write("good", "")
		p.wants("ran\n", "box")
		for _, name := range p.left("logs") {
			if strings.Contains(name, "box-") {
				t.Errorf("what went well left a log: %s", name)
			}
		}
	})
}
