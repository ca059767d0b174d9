package rootfs_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

const hostile = `
containers:
  c:
    rootfs: ROOT
    volumes:
      /vol/a: !Tmpfs {files: {f: text}}
      /vol/b/c: !BindRW /work
      /vol/file: !BindRO /work/file
      /snap: !Snapshot
      /empty: !Empty
  rw:
    rootfs: ROOT
    write-mode: transient
    volumes: {/vol/a: !Tmpfs }
commands:
  c: !Command {container: c, run: [/bin/sh, -c], accepts-arguments: true}
  rw: !Command {container: rw, run: [/bin/sh, -c], accepts-arguments: true}
`

// canary makes a folder of the host's that a hostile root points to.
func canary(t *testing.T, p *testkit.Project) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(p.Dir), "canary")
	for _, name := range []string{"victim", "vol/a/x", "vol/b/c/x", "vol/file", "snap/x", "empty/x", "proc/self/x", "tmp/x", "run/x", "work/x", "etc/hosts"} {
		write(t, filepath.Join(dir, name), "untouched", 0o666)
	}
	return dir
}

func hostMounts(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestHostileRoot makes every place that something is mounted on, or written
// to, a link to the host.
func TestHostileRoot(t *testing.T) {
	for name, prefix := range map[string]string{"absolute": "", "dots": "../../../../../../../../.."} {
		t.Run(name, func(t *testing.T) {
			p := testkit.NewProject(t, hostile)
			p.Write("file", "of the project\n")
			dir := canary(t, p)
			out := prefix + dir
			for _, place := range []string{"proc", "sys", "dev", "tmp", "run", "work", "snap", "empty", "vol", "oldroot"} {
				_ = os.Remove(filepath.Join(p.Root, place))
				link(t, out+"/"+place, filepath.Join(p.Root, place))
			}
			link(t, out+"/etc/hosts", filepath.Join(p.Root, "etc/hosts"))
			link(t, out+"/victim", filepath.Join(p.Root, "etc/resolv.conf"))
			before, tree := hash(t, dir), hash(t, p.Root)
			const script = `for d in /proc /sys /dev /tmp /run /work; do test -L $d && echo "LINK $d"; done
echo x >/tmp/f; echo x >/run/f; echo x >/work/made; echo x >/vol/a/new; cat /vol/a/f /vol/b/c/file /vol/file; ls /empty /snap; cat /proc/mounts | grep -c ' /proc '`
			contains(t, "with links everywhere", p.OK("c", script), "textof the project\nof the project\n")
			contains(t, "transient", p.OK("rw", `echo x >/victim; echo x >/vol/a/x; echo x >/etc/resolv.conf; rm -f /etc/hosts; rm -rf /tmp/* /proc/x; echo fine`), "fine")
			if hash(t, dir) != before {
				t.Error("something of the host was touched")
			}
			if hash(t, p.Root) != tree {
				t.Error("the rootfs was touched")
			}
			if strings.Contains(hostMounts(t), dir) {
				t.Errorf("something is mounted over the host:\n%s", hostMounts(t))
			}
		})
	}
}

// TestPlacesThatAreNoFolders: files, fifos and loops where folders belong.
func TestPlacesThatAreNoFolders(t *testing.T) {
	p := testkit.NewProject(t, hostile)
	p.Write("file", "of the project\n")
	_ = os.Remove(filepath.Join(p.Root, "tmp"))
	for _, place := range []string{"proc", "sys", "dev", "tmp", "run", "work", "vol"} {
		write(t, filepath.Join(p.Root, place), "a file", 0o644)
	}
	if err := unix.Mkfifo(filepath.Join(p.Root, "etc/hosts"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(p.Root, "etc/resolv.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(p.Root, "etc/passwd")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(p.Root, "etc/passwd"), 0o666); err != nil {
		t.Fatal(err)
	}
	contains(t, "files and fifos", p.OK("c", `test -f /etc/hosts && echo hosts $HOME; cat /vol/file; echo x >/tmp/x && echo tmp`), "hosts /\n", "of the project\n", "tmp\n")

	link(t, "loop2", filepath.Join(p.Root, "etc/loop1"))
	link(t, "loop1", filepath.Join(p.Root, "etc/loop2"))
	_ = os.Remove(filepath.Join(p.Root, "etc/hosts"))
	link(t, "loop1", filepath.Join(p.Root, "etc/hosts"))
	p.Fails(127, []string{"c could not be started: resolve /etc/hosts: too many levels of symbolic links"}, "c", "true")
}

// TestVolumeInProject: the project is the user's, so nothing is made in it, and
// a link in it does not redirect a mount.
func TestVolumeInProject(t *testing.T) {
	for target, want := range map[string]string{
		"/work/none": "c could not be started: open mount point /work/none: no such file or directory: it lies in the project, where Lanyard makes nothing by itself; create it",
		"/work/link": "a symlink stands in its way",
		"/work/file": "a folder can only be mounted on a folder",
	} {
		p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, volumes: {`+target+`: !Tmpfs }}
commands:
  c: !Command {container: c, run: "true"}
`)
		link(t, "/etc", p.Path("link"))
		p.Write("file", "")
		p.Fails(127, []string{want}, "c")
	}
}

// TestSwappedWhileStarting swaps folders of the root for links to the host, all
// the while containers start.
func TestSwappedWhileStarting(t *testing.T) {
	p := testkit.NewProject(t, hostile)
	p.Write("file", "of the project\n")
	dir := canary(t, p)
	before := hash(t, dir)
	places := []string{"vol", "etc", "snap", "run", "proc"}
	for _, place := range places {
		if err := os.MkdirAll(filepath.Join(p.Root, place), 0o755); err != nil {
			t.Fatal(err)
		}
		link(t, dir, filepath.Join(p.Root, "."+place))
	}
	stop := make(chan struct{})
	var swapper, starters sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				place := places[i%len(places)]
				a, b := filepath.Join(p.Root, place), filepath.Join(p.Root, "."+place)
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	})
	const side = 3
	starts := testkit.Rounds(t, 300)
	problems := make(chan string, starts)
	for n := range side {
		starters.Go(func() {
			for i := range starts / side {
				command := []string{"c", "rw"}[(n+i)%2]
				r, err := p.TryRun(command, `for d in /proc /run /tmp /work; do test -L $d && echo "LINK $d"; done; echo x >/vol/a/x; echo x >/run/x; true`)
				switch {
				case err != nil:
					problems <- err.Error()
				case r.Code != 0 && r.Code != 127:
					problems <- r.Err
				case strings.Contains(r.Out, "LINK"):
					problems <- r.Out
				}
			}
		})
	}
	starters.Wait()
	close(stop)
	swapper.Wait()
	close(problems)
	for problem := range problems {
		t.Error(problem)
	}
	if hash(t, dir) != before {
		t.Error("something of the host was touched")
	}
	if strings.Contains(hostMounts(t), dir) {
		t.Errorf("something is mounted over the host:\n%s", hostMounts(t))
	}
}
