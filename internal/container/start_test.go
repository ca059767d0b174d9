package container

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// shellSpec is a container with nothing but the fixed mounts whose command is a
// shell script; its output goes to the file that is given too.
func shellSpec(t *testing.T, script string) (*Spec, *os.File) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	testkit.MakeRoot(t, root)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close(); null.Close() })
	spec := &Spec{Name: "box", Stdio: [3]*os.File{null, out, out}, Stage: stage.Spec{
		Root: rootfs.Spec{Kind: rootfs.Dir, Path: root, Console: -1, UserNS: os.Geteuid() != 0},
		Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/bin"}, Path: []string{"/bin"},
		WorkDir: "/", SetGroups: os.Geteuid() == 0, TTY: -1, Session: true, CgroupNS: true,
	}}
	if os.Geteuid() != 0 {
		spec.UserNS = OwnIDs(0, 0)
	}
	return spec, out
}

// start starts a container and gives its events, up to Gone, as they come.
func start(t *testing.T, e *Engine, spec *Spec) (*Container, <-chan Event) {
	t.Helper()
	events := make(chan Event, 16)
	c := e.Start(spec, func(ev Event) {
		events <- ev
		if ev.Kind == Gone {
			close(events)
		}
	})
	return c, events
}

// ended waits until a container is gone and gives its events.
func ended(t *testing.T, events <-chan Event) (list []Event) {
	t.Helper()
	limit := testkit.Slow(30 * time.Second)
	deadline := time.After(limit)
	for {
		select {
		case ev, open := <-events:
			if !open {
				return list
			}
			list = append(list, ev)
		case <-deadline:
			t.Fatalf("the container is not gone after %v; so far: %+v", limit, list)
		}
	}
}

// runBox runs a container to its end and gives its output.
func runBox(t *testing.T, spec *Spec, out *os.File) (string, []Event) {
	t.Helper()
	run := runIn(filepath.Join(t.TempDir(), "lanyard"))
	_, events := start(t, NewEngine(run), spec)
	list := ended(t, events)
	if err := run.Close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), list
}

// output wants exit status 0.
func output(t *testing.T, spec *Spec, out *os.File) string {
	t.Helper()
	text, events := runBox(t, spec, out)
	for _, ev := range events {
		if ev.Kind == Exited && ev.Status == 0 {
			return text
		}
	}
	t.Fatalf("no exit with status 0: %+v\n%s", events, text)
	return ""
}

func TestHostname(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": own, "web-1.example": "web-1.example", strings.Repeat("h", 64): strings.Repeat("h", 64)} {
		spec, out := shellSpec(t, "cat /proc/sys/kernel/hostname")
		spec.Stage.Hostname = name
		if got := output(t, spec, out); got != want+"\n" {
			t.Errorf("hostname %q gives %q", name, got)
		}
	}
	spec, out := shellSpec(t, "true")
	spec.Stage.Hostname = strings.Repeat("h", 65)
	_, events := runBox(t, spec, out)
	if want := "set the hostname " + spec.Stage.Hostname + ": invalid argument"; events[0].Kind != Failed || events[0].Err.Error() != want {
		t.Errorf("one of 65 bytes: %+v", events)
	}
	if now, _ := os.Hostname(); now != own {
		t.Errorf("the host is called %q now", now)
	}
}

// TestUmask: a command's umask is 0022 whatever lanyard's own is.
func TestUmask(t *testing.T) {
	for _, own := range []int{0, 0o077, 0o777} {
		spec, out := shellSpec(t, "umask; echo >/tmp/f; stat -c %a /tmp /tmp/f")
		spec.Stage.Root.Mounts = []rootfs.Mount{{Target: "/tmp", Mode: 0o1777}}
		run := runIn(t.TempDir())
		before := syscall.Umask(own)
		_, events := start(t, NewEngine(run), spec)
		list := ended(t, events)
		syscall.Umask(before)
		text, err := os.ReadFile(out.Name())
		if err != nil || string(text) != "0022\n1777\n644\n" {
			t.Errorf("under umask %04o the command has %q, %v, %+v", own, text, err, list)
		}
	}
}

// TestBareRoot: only what the spec names is mounted besides the fixed places,
// and nothing is written into a rootfs that lacks all of them.
func TestBareRoot(t *testing.T) {
	spec, out := shellSpec(t, `ls -d /tmp /run /work /proc/1 /sys/kernel /dev/null 2>&1
touch /x 2>&1; cat /etc/resolv.conf; (echo >/etc/resolv.conf) 2>&1; (echo >/etc/deep/er) 2>&1; cat /etc/deep/er
grep -E ' /(etc/resolv.conf|dev/console|data) ' /proc/self/mountinfo | sed 's/.* \(\/[^ ]*\) \(\/[^ ]*\) \([^ ]*\) .* - .*/\1 \2 \3/'
stat -c '%t %T %F' /dev/console; echo gone >/dev/console && cat /dev/console && echo console
cp /bin/busybox /data/sh && /data/sh 2>&1; grep ' /data ' /proc/mounts`)
	root := spec.Stage.Root.Path
	host := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(host, []byte("nameserver 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "tmp")); err != nil {
		t.Fatal(err)
	}
	spec.Stage.Root.ConsoleNull = true
	spec.Stage.Root.Mounts = []rootfs.Mount{
		{Kind: rootfs.Tmpfs, Target: "/data", Mode: 0o755, NoExec: true, Size: rootfs.Unlimited},
		{Kind: rootfs.Bind, Target: "/etc/resolv.conf", Source: host, ReadOnly: true},
		{Kind: rootfs.Bind, Target: "/etc/deep/er", Source: host, ReadOnly: true},
	}
	for _, there := range []bool{false, true} {
		if there {
			if err := os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("the root's own\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		before := tree(t, root)
		got, events := runBox(t, spec, out)
		for _, want := range []string{
			"ls: /tmp: No such file", "ls: /run: No such file", "ls: /work: No such file", "/proc/1\n", "/sys/kernel\n", "/dev/null\n",
			"touch: /x: Read-only file system", "nameserver 192.0.2.1\n", "can't create /etc/resolv.conf: Read-only", "can't create /etc/deep/er: Read-only",
			"/dev/console ", "1 3 character special file\nconsole\n", "/data/sh: Permission denied", "tmpfs /data tmpfs rw,nosuid,nodev,noexec,relatime,size=0k,", // no limit
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the root's own file is there: %v; no %q in\n%s\n%+v", there, want, got, events)
			}
		}
		if after := tree(t, root); after != before {
			t.Errorf("the rootfs was\n%s\nand is\n%s", before, after)
		}
	}
}

// tree lists everything in a folder with mode, size and time of change.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			list.WriteString(strings.Join([]string{path, info.Mode().String(), info.ModTime().String()}, " ") + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}
