package rootfs_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

const kinds = `
containers:
  ro: {rootfs: ROOT}
  rw: {rootfs: ROOT, write-mode: transient}
  host: {host: true}
commands:
  ro: !Command {container: ro, run: [sh, -c], accepts-arguments: true}
  rw: !Command {container: rw, run: [sh, -c], accepts-arguments: true}
  host: !Command {container: host, run: [sh, -c], accepts-arguments: true}
`

func TestMounts(t *testing.T) {
	p := testkit.NewProject(t, kinds)
	user := os.Geteuid() != 0
	for _, kind := range []string{"ro", "rw", "host"} {
		got := mounts(t, p.OK(kind, "cat /proc/self/mountinfo"))
		for path, want := range map[string]struct{ fstype, options string }{
			"/":           {map[string]string{"host": "tmpfs"}[kind], map[string]string{"rw": "rw"}[kind] + ",nodev"},
			"/proc":       {"proc", "rw,nosuid,nodev,noexec"},
			"/proc/bus":   {"proc", "ro,nosuid,nodev,noexec"},
			"/proc/fs":    {"proc", "ro,nosuid,nodev,noexec"},
			"/proc/irq":   {"proc", "ro,nosuid,nodev,noexec"},
			"/proc/sys":   {"proc", "ro,nosuid,nodev,noexec"},
			"/sys":        {"sysfs", "ro,nosuid,nodev,noexec"},
			"/dev":        {"tmpfs", "ro,nosuid,noexec"},
			"/dev/pts":    {"devpts", "rw,nosuid,noexec"},
			"/dev/shm":    {"tmpfs", "rw,nosuid,nodev,noexec"},
			"/tmp":        {"tmpfs", "rw,nosuid,nodev"},
			"/run":        {"tmpfs", "rw,nosuid,nodev"},
			"/work":       {"", "rw,nodev"},
			"/proc/keys":  {"", "ro"},
			"/proc/kcore": {"", ""},
		} {
			m, ok := got[path]
			if path == "/proc/kcore" && !ok { // not every kernel has it
				continue
			}
			if want.fstype == "" && path == "/" {
				want.fstype = "overlay"
			}
			if !ok || (want.fstype != "" && m.fstype != want.fstype) {
				t.Errorf("%s: %s is %+v, want %s", kind, path, m, want.fstype)
			}
			for _, option := range strings.Split(want.options, ",") {
				if option == "" && path == "/" {
					option = "ro"
				}
				if option != "" && !m.has(option) {
					t.Errorf("%s: %s has not %s: %s", kind, path, option, m.options)
				}
			}
		}
		contains(t, kind+" /tmp", got["/tmp"].super, "size=102400k")
		for path, m := range got {
			if !m.has("nodev") && !strings.HasPrefix(path, "/dev") {
				t.Errorf("%s: %s is not nodev: %s", kind, path, m.options)
			}
			if strings.HasPrefix(path, "/sys/") && (!user || !m.has("ro")) && m.fstype != "tmpfs" {
				t.Errorf("%s: %s is there: %+v", kind, path, m)
			}
		}
	}
}

func TestWhatIsSeen(t *testing.T) {
	p := testkit.NewProject(t, kinds)
	for _, kind := range []string{"ro", "rw", "host"} {
		got := p.OK(kind, `stat -c '%n %a %F' /tmp /run /dev/shm /dev /proc /dev/null /dev/ptmx
(cd /dev; echo *; for l in fd stdin stdout stderr ptmx; do echo $l=$(readlink $l); done)
echo x >/dev/null && head -c 3 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; head -c 4 /dev/random | wc -c
dd if=/dev/zero of=/dev/full count=1 2>&1; (: </dev/tty) 2>&1
for f in /proc/acpi /sys/firmware /proc/keys /proc/timer_list /proc/interrupts /proc/kcore; do ls $f 2>/dev/null | grep -v "^$f$"; cat $f 2>/dev/null | head -c 9; done
for f in /dev/x /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/x /etc/x /proc/irq/default_smp_affinity; do (echo 1 >$f) 2>/dev/null && echo "WROTE $f"; done
touch /dev/shm/x /tmp/x /run/x /work/made && echo writable; `+testkit.InitArguments+`; pwd; umask`)
		contains(t, kind, got, "/tmp 1777", "/run 755", "/dev/shm 1777", "/dev 755", "/dev/null 666 character special file",
			"\nfd full null ptmx pts random shm stderr stdin stdout tty urandom zero\n",
			"fd=/proc/self/fd\nstdin=/proc/self/fd/0\nstdout=/proc/self/fd/1\nstderr=/proc/self/fd/2\nptmx=pts/ptmx\n",
			"\n3\n4\n4\n", "No space left", "No such device or address", "writable\nlanyard-init\n/work\n0022\n")
		if kind != "rw" && strings.Contains(got, "WROTE") || strings.Contains(strings.ReplaceAll(got, "WROTE /etc/x", ""), "WROTE") {
			t.Errorf("%s: %s", kind, got)
		}
		var st syscall.Stat_t
		if err := syscall.Stat(p.Path("made"), &st); err != nil || int(st.Uid) != os.Geteuid() || st.Mode&0o777 != 0o644 {
			t.Errorf("%s: what was made in /work: %+v, %v", kind, st, err)
		}
		if err := os.Remove(p.Path("made")); err != nil {
			t.Error(err)
		}
	}
}

// TestRootIsNeverWritten also lets a rootfs lack every mount point.
func TestRootIsNeverWritten(t *testing.T) {
	p := testkit.NewProject(t, `
containers:
  ro: &c
    rootfs: ROOT
    volumes: {/deep/er/volume: !Tmpfs , /etc/some.conf: !BindRO /work/file, /srv: !BindRW /work, /opt/x: !Empty , /data: !Snapshot }
  rw:
    <<: *c
    write-mode: transient
commands:
  ro: !Command {container: ro, run: [sh, -c], accepts-arguments: true}
  rw: !Command {container: rw, run: [sh, -c], accepts-arguments: true}
`)
	p.Write("file", "of the project\n")
	for _, dir := range []string{"tmp", "root"} {
		if err := os.Remove(filepath.Join(p.Root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(p.Root, "data/f"), "data", 0o640)
	if err := os.Chmod(filepath.Join(p.Root, "etc"), 0o711); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(p.Root, "etc"), 12, 34); err != nil {
			t.Fatal(err)
		}
	}
	before := hash(t, p.Root)
	got := p.OK("ro", `touch /x /bin/x /deep/er/x 2>&1; stat -c '%n %a %u %g' /etc /deep; cat /etc/some.conf /data/f; touch /data/new /srv/new && echo ok; rm /bin/sh 2>&1; true`)
	contains(t, "ro", got, "/x: Read-only file system", "/bin/x: Read-only", "/deep/er/x: Read-only", "of the project\ndata", "ok\n", "'/bin/sh': Read-only")
	owner := "/etc 711 0 0"
	if os.Geteuid() == 0 {
		owner = "/etc 711 12 34"
	}
	contains(t, "owner and mode of a merged folder", got, owner)
	got = p.OK("rw", `touch /x /bin/x /deep/er/x && rm /bin/cat && echo changed >/etc/passwd && mkdir -p /etc/d && ls / | grep -c '^x$'; ls /bin/cat 2>&1; true`)
	contains(t, "rw", got, "1\n", "No such file")
	contains(t, "rw again", p.OK("rw", `cat /etc/passwd; ls /x 2>&1; true`), "root:x:0:0", "/x: No such file")
	if after := hash(t, p.Root); after != before {
		t.Error("the rootfs was changed")
	}
}

func TestNameResolution(t *testing.T) {
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(etc string){
		"missing":            func(string) {},
		"there":              func(etc string) { write(t, etc+"/hosts", "the root's\n", 0o600) },
		"systemd-resolved":   func(etc string) { link(t, "../run/systemd/resolve/stub-resolv.conf", etc+"/hosts") },
		"absolute":           func(etc string) { link(t, "/run/x/hosts", etc+"/hosts") },
		"dangling":           func(etc string) { link(t, "../nowhere/deep/hosts", etc+"/hosts") },
		"above the root":     func(etc string) { link(t, "../../../../../../etc/other", etc+"/hosts") },
		"chain":              func(etc string) { link(t, "/var/hosts", etc+"/hosts"); link(t, "/tmp/hosts", etc+"/../var/hosts") },
		"no etc":             func(etc string) { _ = os.RemoveAll(etc) },
		"etc is a link":      func(etc string) { _ = os.Rename(etc, etc+"2"); link(t, "/etc2", etc) },
		"etc dangles":        func(etc string) { _ = os.RemoveAll(etc); link(t, "usr/etc", etc) },
		"through the mounts": func(etc string) { link(t, "/run/../opt/hosts", etc+"/hosts") },
	} {
		t.Run(name, func(t *testing.T) {
			p := testkit.NewProject(t, kinds)
			change(filepath.Join(p.Root, "etc"))
			before := hash(t, p.Root)
			if got := p.OK("ro", "cat /etc/hosts"); got != string(hosts) {
				t.Errorf("/etc/hosts is\n%s\nwant the host's\n%s", got, hosts)
			}
			if hash(t, p.Root) != before {
				t.Error("the rootfs was changed")
			}
		})
	}
}

// TestSubmounts: /work has everything that is mounted in the project.
func TestSubmounts(t *testing.T) {
	testkit.Require(t, testkit.Root)
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, volumes: {/ro: !BindRO /work, /rw: !BindRW /work/sub}}
commands:
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
`)
	sub := p.Path("sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", sub, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(sub, 0); err != nil {
			t.Errorf("the container holds the mount: %v", err)
		}
	}()
	got := p.OK("c", `echo a >/work/sub/a; echo b >/rw/b; cat /ro/sub/a; (echo x >/ro/sub/x) 2>&1; (echo x >/ro/x) 2>&1; true`)
	contains(t, "a submount", got, "a\n", "/ro/sub/x: Read-only file system", "/ro/x: Read-only file system")
	for _, name := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(sub, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestOddPlaces: volumes where something of ours stands, and in a host root.
func TestOddPlaces(t *testing.T) {
	p := testkit.NewProject(t, `
containers:
  c:
    rootfs: ROOT
    volumes:
      /dev/shm: !Tmpfs {size: 64KiB, mode: 0700}
      /tmp: !Tmpfs {size: 32KiB}
      /etc: !Tmpfs {files: {hosts: mine}}
      /var/run: !Tmpfs {files: {here: run}}
  h: {host: true, volumes: {/toplevel: !Tmpfs , /tmp/deep/er: !Tmpfs , /run/x: !BindRO /work}}
  hbad: {host: true, volumes: {/etc/no-such-folder: !Tmpfs }}
commands:
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
  h: !Command {container: h, run: [sh, -c], accepts-arguments: true}
  hbad: !Command {container: hbad, run: "true"}
`)
	link(t, "/run", filepath.Join(p.Root, "var/run"))
	got := p.OK("c", `cat /etc/hosts; echo; test -s /etc/resolv.conf && echo resolv; stat -c '%n %a' /dev/shm /tmp; grep -E ' /(dev/shm|tmp) ' /proc/mounts; cat /run/here`)
	contains(t, "volumes in odd places", got, "mine\n", "/dev/shm 700\n/tmp 1777\n", "size=64k", "size=32k")
	if !strings.HasSuffix(got, "run") {
		t.Errorf("/var/run is not where the root's link leads: %s", got)
	}
	contains(t, "host", p.OK("h", `touch /toplevel/x /tmp/deep/er/x && ls /run/x; touch /etc/x 2>&1; touch /x 2>&1; true`), "lanyard.yaml\n", "Read-only file system")
	p.Fails(127, []string{"hbad could not be started: make mount point /etc/no-such-folder: no such file or directory: a host: true container is this machine's own system, read-only"}, "hbad")
}
