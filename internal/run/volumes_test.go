package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestTmpfs(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c:
    rootfs: ROOT
    volumes:
      /a: !Tmpfs
      /b: !Tmpfs
        size: 1MiB
        mode: 0750
        subdirs: {d: , d/e: {mode: 0700}}
        files: {f: "text\n", d/g: deeper}
      /b/inner: !Tmpfs
commands:
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
`)
	got := p.OK("c", `stat -c '%n %a %u' /a /b /b/d /b/d/e /b/f /b/inner; cat /b/f /b/d/g; echo
grep -E ' /(a|b) ' /proc/mounts; dd if=/dev/zero of=/b/big bs=64k count=32 2>&1; stat -c %s /b/big; touch /b/inner/x && echo inner`)
	contains(t, "tmpfs", got, "/a 1777 0\n/b 750 0\n/b/d 755 0\n/b/d/e 700 0\n/b/f 644 0\n/b/inner 1777 0\ntext\ndeeper\n",
		"size=102400k", "size=1024k", "nosuid,nodev", "No space left on device", "inner\n")
	if strings.Contains(got, "2097152") {
		t.Errorf("more than its size fits into it:\n%s", got)
	}
}

func TestBinds(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c:
    rootfs: ROOT
    volumes:
      /rw: !BindRW /work/dir
      /ro: !BindRO /work/dir
      /file: !BindRW /work/dir/file
      /ext: !BindRW /volumes/shared
      /extsub: !BindRO /volumes/shared/sub
      /empty: !Empty
commands:
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
  override:
    container: c
    volumes: {/ro: !Empty }
    run: "ls /ro | wc -l; test -f /file && echo file"
`)
	p.Write("dir/file", "one\n")
	p.Write("shared/sub/f", "external\n")
	if err := os.MkdirAll(filepath.Join(p.Config, "lanyard"), 0o755); err != nil {
		t.Fatal(err)
	}
	settings := "external-volumes: {shared: " + p.Path("shared") + "}\n"
	if err := os.WriteFile(filepath.Join(p.Config, "lanyard/settings.yaml"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	got := p.OK("c", `echo two >>/file; cat /ro/file; touch /rw/new && ls /ro; (echo x >/ro/x) 2>&1; cat /extsub/f; (echo x >/extsub/x) 2>&1; touch /ext/made && echo ext
(echo x >/empty/x) 2>&1; ls -A /empty | wc -l; stat -c %a /empty`)
	contains(t, "binds", got, "one\ntwo\nfile\nnew\n", "/ro/x: Read-only", "external\n", "/extsub/x: Read-only", "ext\n", "/empty/x: Read-only", "0\n755\n")
	if _, err := os.Stat(p.Path("shared/made")); err != nil {
		t.Error(err)
	}
	contains(t, "a command's own volume", p.OK("override"), "0\nfile\n")
}

func TestBadSources(t *testing.T) {
	t.Parallel()
	for volume, want := range map[string]string{
		"!BindRO /work/missing":         "source /work/missing: stat DIR/missing: no such file or directory; create it first",
		"!BindRO /work/out":             "open the source of volume /v, DIR/out: invalid cross-device link: a symlink leads out of DIR",
		"!BindRO /volumes/nope":         `no external volume is called "nope"; add it to external-volumes in `,
		"!Snapshot {container: broken}": "container broken (DIR/lanyard.yaml:4:3): rootfs DIR/none does not exist",
		"!Container broken":             "rootfs DIR/none does not exist",
		"!Snapshot {size: 8KiB}":        "c could not be started: copy into snapshot volume /v: no space left on device: raise its size",
	} {
		p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT}
  broken: {rootfs: none}
commands:
  c: !Command {container: c, volumes: {/v: `+volume+`}, run: "true"}
`)
		if err := os.Symlink("/etc", p.Path("out")); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(p.Root, "v"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Root, "v/big"), make([]byte, 100_000), 0o644); err != nil {
			t.Fatal(err)
		}
		p.Fails(127, []string{want}, "c")
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, volumes: {/data: !Snapshot , /other: !Snapshot {container: o}, /owned: !Snapshot {owner-uid: 0, owner-gid: 0}}}
  o: {rootfs: ROOT2}
commands:
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
`)
	data, err := os.ReadFile(p.Path("lanyard.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(filepath.Dir(p.Dir), "root2")
	p.Write("lanyard.yaml", strings.ReplaceAll(string(data), p.Root+"2", other))
	for path, mode := range map[string]os.FileMode{p.Root + "/data/d/f": 0o640, p.Root + "/data/x": 0o755 | os.ModeSetuid, other + "/other/f": 0o600, p.Root + "/owned/f": 0o644} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../nowhere", p.Root+"/data/l"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(p.Root+"/data/p", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.Root+"/data/d", 0o711); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		for _, name := range []string{"/data", "/data/d/f", "/data/l", "/owned"} {
			if err := os.Lchown(p.Root+name, 12, 34); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := p.OK("c", `stat -c '%n %a %F %u:%g %s %Y' /data /data/d /data/d/f /data/x; readlink /data/l; stat -c '%u:%g' /data/l; stat -c '%a %F' /data/p; cat /other/f; stat -c '%u:%g' /owned
echo new >/data/new; echo changed >/data/d/f && cat /data/d/f`)
	owner := "0:0"
	if os.Geteuid() == 0 {
		owner = "12:34"
	}
	contains(t, "snapshot", got, "/data 755 directory "+owner, "/data/d 711 directory 0:0", "/data/d/f 640 regular file "+owner+" 7 1000000000\n",
		"/data/x 4755 regular file 0:0 7 1000000000\n", "../nowhere\n"+owner+"\n600 fifo\ncontent0:0\n", "changed\n")
	if data, err := os.ReadFile(p.Root + "/data/d/f"); err != nil || string(data) != "content" {
		t.Errorf("the original is %q, %v", data, err)
	}
}

func TestContainerVolume(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, volumes: {/other: !Container o, /host: !Container h}}
  o: {rootfs: ROOT}
  h: {host: true}
commands:
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
`)
	got := p.OK("c", `test -x /other/bin/busybox && echo other; test -d /host/usr/bin && echo host; ls -d /host/proc/1 /host/tmp/* 2>&1 | grep -c 'No such'
(echo x >/other/x) 2>&1; (echo x >/host/x) 2>&1; (echo x >/host/etc/x) 2>&1; true`)
	contains(t, "container volumes", got, "other\nhost\n", "/other/x: Read-only", "/host/x: Read-only", "/host/etc/x: Read-only")
}
