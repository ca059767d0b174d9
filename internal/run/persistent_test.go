package run_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

const persistent = `
containers:
  c: {rootfs: ROOT, volumes: {/data: !Persistent {name: db, owner-uid: 0, owner-gid: 0}}}
  filled: {rootfs: ROOT, volumes: {/data: !Persistent {name: filled, init-command: fill}}}
commands:
  fill: !Command {container: filled, run: "echo filling >>/work/log; test -e /work/wait && echo x >/data/half && touch /work/begun && sleep 1000; test -e /work/bad && exit 3; echo ready >/data/state"}
  use: !Command {container: filled, run: "cat /data/state"}
  c: !Command {container: c, run: [sh, -c], accepts-arguments: true}
  two: !Supervise
    mode: wait-all-successful
    children:
      a: !Command {container: c, run: "echo a >/data/a; until test -e /data/b; do sleep 0.01; done"}
      b: !Command {container: c, run: "until test -e /data/a; do sleep 0.01; done; echo b >/data/b"}
`

func TestPersistent(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, persistent)
	p.OK("c", "echo kept >/data/f")
	if got := p.OK("c", "cat /data/f; stat -c '%a %u:%g' /data"); got != "kept\n755 0:0\n" {
		t.Errorf("the second run sees %q", got)
	}
	p.OK("two")
	for name, want := range map[string]string{".lanyard/.gitignore": "*\n", ".lanyard/volumes/db/f": "kept\n", ".lanyard/volumes/db/b": "b\n"} {
		if data, err := os.ReadFile(p.Path(name)); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	var st syscall.Stat_t
	if err := syscall.Stat(p.Path(".lanyard/volumes/db"), &st); err != nil || int(st.Uid) != os.Geteuid() {
		t.Errorf("the volume belongs to uid %d, %v", st.Uid, err)
	}
}

// volumes are the names of the volumes there are, finished or not.
func volumes(t *testing.T, p *testkit.Project) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(p.Path(".lanyard/volumes"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestVolumesStayInTheProject: a container can put links where the project keeps
// its volumes, and the next run must not follow them out.
func TestVolumesStayInTheProject(t *testing.T) {
	t.Parallel()
	for link, text := range map[string]string{
		".lanyard": "path escapes", ".lanyard/volumes": "path escapes", ".lanyard/volumes/db": "a symlink leads out of DIR",
	} {
		p := testkit.NewProject(t, persistent)
		outside := t.TempDir()
		if err := os.MkdirAll(filepath.Dir(p.Path(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, p.Path(link)); err != nil {
			t.Fatal(err)
		}
		p.Fails(127, []string{text}, "c", "echo escaped >/data/f")
		_ = p.Run("use") // may find that its volume is not concerned
		if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
			t.Errorf("a link at %s leads out: %v, %v", link, left, err)
		}
	}
}

// TestVolumeLockCanBeInterrupted: anybody who can write to the project can hold
// the lock for ever.
func TestVolumeLockCanBeInterrupted(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, persistent)
	p.Write(".lanyard/volumes/.filled.lock", "")
	lock, err := os.OpenFile(p.Path(".lanyard/volumes/.filled.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	cmd := p.Command(t.Context(), "use")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "it has opened the lock", func() bool {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", cmd.Process.Pid))
		return slices.ContainsFunc(links, func(link string) bool {
			to, _ := os.Readlink(link)
			return to == p.Path(".lanyard/volumes/.filled.lock")
		})
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}

func TestInitCommand(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, persistent)
	p.Write("bad", "")
	p.Fails(3, []string{"volume filled is not filled: fill gave status 3"}, "use")
	if left := volumes(t, p); len(left) > 0 {
		t.Errorf("a failed init-command leaves %v", left)
	}
	if err := os.Remove(p.Path("bad")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := p.OK("use"); got != "ready\n" {
			t.Errorf("the command sees %q", got)
		}
	}
	if log, err := os.ReadFile(p.Path("log")); err != nil || string(log) != "filling\nfilling\n" {
		t.Errorf("the init-command ran so often: %q, %v; want twice", log, err)
	}
}

func TestInitCommandIsKilled(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, persistent)
	p.Write("wait", "")
	cmd := p.Command(t.Context(), "use")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the init-command has begun", func() bool { _, err := os.Stat(p.Path("begun")); return err == nil })
	if len(volumes(t, p)) != 1 {
		t.Errorf("while it is filled: %v", volumes(t, p))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	await(t, "nothing is left of the volume", func() bool { return len(volumes(t, p)) == 0 })
	await(t, "no process is left", func() bool { return len(p.Pids()) == 0 })
	await(t, "no run folder is left", func() bool {
		left, _ := filepath.Glob(filepath.Dir(p.Config) + "/run/lanyard/*")
		return len(left) == 0
	})
	if err := os.Remove(p.Path("wait")); err != nil {
		t.Fatal(err)
	}
	if got := p.OK("use"); got != "ready\n" {
		t.Errorf("afterwards the command sees %q", got)
	}
}

// TestVolumeOfAnotherID: an ordinary user's volume may belong to any id of the
// container, and be closed to the user.
func TestVolumeOfAnotherID(t *testing.T) {
	testkit.Require(t, testkit.User, testkit.IDs)
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT, volumes: {/data: !Persistent {name: db, init-command: fill, owner-uid: 33, owner-gid: 44}}}
commands:
  fill: !Command {container: c, user-id: 33, group-id: 44, run: "mkdir -m 700 /data/d && touch /data/d/f && chmod 700 /data && test ! -e /work/bad && { test ! -e /work/wait || { touch /work/begun; sleep 1000; }; }"}
  use: !Command {container: c, user-id: 33, group-id: 44, run: "stat -c '%n %a %u:%g' /data /data/d"}
`)
	if err := os.Chmod(p.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p.Write("bad", "")
	p.Fails(1, []string{"volume db is not filled"}, "use")
	if left := volumes(t, p); len(left) > 0 {
		t.Errorf("a failed init-command leaves %v", left)
	}
	if err := os.Remove(p.Path("bad")); err != nil {
		t.Fatal(err)
	}

	p.Write("wait", "")
	cmd := p.Command(t.Context(), "use")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the init-command has begun", func() bool { _, err := os.Stat(p.Path("begun")); return err == nil })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	await(t, "no process is left", func() bool { return len(p.Pids()) == 0 })
	if err := os.Remove(p.Path("wait")); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if got := p.OK("use"); got != "/data 700 33:44\n/data/d 700 33:44\n" {
			t.Errorf("the command sees %q", got)
		}
	}
	if left := volumes(t, p); len(left) != 1 {
		t.Errorf("what a killed lanyard began is still there: %v", left)
	}
	p.Env = []string{"XDG_DATA_HOME=" + t.TempDir()}
	p.OK("_clean", "--volumes")
	if left := volumes(t, p); len(left) > 0 {
		t.Errorf("_clean --volumes leaves %v", left)
	}
	p.Env = alone
	p.Fails(127, []string{"owner-uid and owner-gid can only be the command's own ids", "newuidmap is not installed"}, "_run", "c", "true")
}

// TestPersistentFullDisk: what can't be made whole is not left half-made.
func TestPersistentFullDisk(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	p := testkit.NewProject(t, "")
	full := p.Path("full")
	if err := os.Mkdir(full, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", full, "tmpfs", 0, "size=8k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(full, 0); err != nil {
			t.Error(err)
		}
	})
	p.Write("full/lanyard.yaml", "containers: {c: {rootfs: "+p.Root+"}}\ncommands: {c: {container: c, run: [echo, x], volumes: {/d: !Persistent d}}}\n")
	p.Write("full/filler", strings.Repeat("x", 4096))
	p.Fails(127, []string{"cannot start c: volume /d ", "full/.lanyard/.gitignore: no space left on device"}, "-f", full+"/lanyard.yaml", "c")
	if _, err := os.Lstat(full + "/.lanyard"); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
	if err := os.Remove(full + "/filler"); err != nil {
		t.Fatal(err)
	}
	p.OK("-f", full+"/lanyard.yaml", "c")
	if data, err := os.ReadFile(full + "/.lanyard/.gitignore"); err != nil || string(data) != "*\n" {
		t.Errorf("with room again the .gitignore says %q, %v", data, err)
	}
}
