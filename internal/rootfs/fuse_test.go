package rootfs_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// layered is a project file of containers that the kernel makes no overlay for:
// ROOT/../stack/deep is the root on as many overlays as it stacks, and an
// ordinary user's machine has filesystems mounted in it.
const layered = `
containers:
  deep: {rootfs: ROOT/../stack/deep, write-mode: transient}
  plain: {rootfs: ROOT/../stack/deep}
  host: {host: true, write-mode: transient}
commands:
  sh: !Command {container: deep, run: [sh, -c], accepts-arguments: true}
  user: !Command {container: deep, user-id: 1000, group-id: 1001, run: [sh, -c], accepts-arguments: true}
  plain: !Command {container: plain, run: [sh, -c], accepts-arguments: true}
  host: !Command {container: host, run: [/bin/sh, -c], accepts-arguments: true}
  limited: !Command {container: host, limits: {memory: 64MiB}, limits-mode: best-effort, run: [/bin/sh, -c], accepts-arguments: true}
`

// stack mounts overlays on a root ($1) until the kernel refuses, the last one
// at $0/deep, and executes the rest of its arguments.
const stack = `
root=$1; shift
mount -t tmpfs none $0 && mkdir $0/empty $0/deep && n=0 || exit 99
while mkdir $0/$n && mount -t overlay -o lowerdir=$root:$0/empty none $0/$n 2>/dev/null
do root=$0/$n; n=$((n+1)); done
mount --rbind $root $0/deep && exec "$@"`

// server prints the pid of the container's fuse-overlayfs.
const server = `server() { for f in /proc/[0-9]*; do read name <$f/comm && test "$name" = fuse-overlayfs && echo ${f#/proc/}; done; }
`

// layeredProject makes a project of it. Its lanyards run in a user namespace,
// where they are what they are for an ordinary user.
func layeredProject(t *testing.T) *testkit.Project {
	t.Helper()
	p := testkit.NewProject(t, layered)
	stack, lanyard := filepath.Dir(p.Root)+"/stack", filepath.Dir(p.Root)+"/lanyard"
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, lanyard); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(stack, 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

// deep is a lanyard that is not started yet.
func deep(t *testing.T, p *testkit.Project, args ...string) *exec.Cmd {
	t.Helper()
	dir := filepath.Dir(p.Root)
	cmd := p.Command(t.Context())
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", stack, dir + "/stack", p.Root, dir + "/lanyard"}, args...)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	return cmd
}

// run gives the output of a lanyard and what it said, and its exit code.
func run(t *testing.T, p *testkit.Project, args ...string) (out, said string, code int) {
	t.Helper()
	cmd := deep(t, p, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// TestFuseOverlay: where the kernel refuses, fuse-overlayfs serves a root that
// can be written to and is what the kernel's would be; the original stays.
func TestFuseOverlay(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	t.Parallel()
	p := layeredProject(t)
	before := hash(t, p.Root)
	const script = `sleep 0.5 # until the keeper is PID 1
grep -c " / / rw,.* - fuse.fuse-overlayfs " /proc/self/mountinfo
id -u; echo text >/made; cat /made; mkdir /etc/d; mv /etc/passwd /etc/d/p; head -1 /etc/d/p; ls /etc/passwd 2>/dev/null
rm /bin/yes; ls /bin/yes 2>/dev/null; chmod 4711 /made; stat -c %a:%u:%g /made; ln /made /etc/d/link; stat -c %h /made; cp /bin/busybox /etc/true; /etc/true && echo executed`
	for command, id := range map[string]string{"sh": "0:0", "user": "1000:1001"} {
		uid, _, _ := strings.Cut(id, ":")
		want := "1\n" + uid + "\ntext\nroot:x:0:0:root:/root:/bin/sh\n4711:" + id + "\n2\nexecuted\n"
		if out, said, code := run(t, p, command, script); out != want || code != 0 {
			t.Errorf("%s: exit code %d, output\n%swant\n%s%s", command, code, out, want, said)
		}
	}
	out, said, code := run(t, p, "plain", "touch /made 2>/dev/null || echo refused; ls -d /work; grep -c ' / / ro,.* - fuse.fuse-overlayfs ' /proc/self/mountinfo")
	if out != "refused\n/work\n1\n" || code != 0 {
		t.Errorf("read-only: exit code %d, output\n%s%s", code, out, said)
	}
	if hash(t, p.Root) != before {
		t.Error("the original was changed")
	}
}

// TestFuseOverlayHost: with it an ordinary user has a private layer over the
// machine's own system too.
func TestFuseOverlayHost(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	t.Parallel()
	p := layeredProject(t)
	name := "/usr/" + filepath.Base(filepath.Dir(p.Dir)) + "-lanyard-test"
	out, said, code := run(t, p, "host", "echo text >"+name+" && cat "+name+" && echo mine >/etc/hostname && cat /etc/hostname; ls /run")
	want := "text\nmine\n"
	if os.Geteuid() != 0 { // whose folders these are not; and no user namespace but the container's
		r := p.Run("host", "id -u; echo text >/new && cat /new && ls -d /new /usr; ls /run; touch "+name+" 2>/dev/null; true")
		out, said, code, want = r.Out, r.Err, r.Code, "0\ntext\n/new\n/usr\n"
	}
	if out != want || code != 0 {
		t.Errorf("exit code %d, output\n%s%s", code, out, said)
	}
	if _, err := os.Stat(name); err == nil {
		t.Errorf("%s is on the machine", name)
	}
}

// TestFuseOverlayIsShut: the command learns nothing through fuse-overlayfs, which
// sees the machine, and of its signals only KILL and STOP reach it.
func TestFuseOverlayIsShut(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	t.Parallel()
	p := layeredProject(t)
	out, said, code := run(t, p, "sh", server+`pid=$(server); test -n "$pid" || echo no server
for f in environ maps mem auxv io; do cat /proc/$pid/$f; done
for f in root cwd exe fd/0 fd/3 ns/mnt; do readlink /proc/$pid/$f; done; ls /proc/$pid/root/; ls /proc/$pid/cwd/; ls /proc/$pid/map_files
cat <>/proc/$pid/fd/3
for f in /proc/[0-9]*/fd/*; do case $(readlink $f) in *fuse*) echo $f has it;; esac; done
i=1; while test $i -le 64; do test $i = 9 -o $i = 19 || kill -$i $pid; i=$((i+1)); done
ls -d /bin /no-such-folder; test -d /proc/$pid && echo alive`)
	if out != "/bin\nalive\n" || code != 0 {
		t.Errorf("exit code %d, output\n%s%s", code, out, said)
	}
	contains(t, "what is refused", said, "/environ': Permission denied", "/root/: Permission denied")
}

// TestFuseOverlayLimits: the layer, which fuse-overlayfs writes and the command's
// cgroup does not count, is full at the limit of the command's memory.
func TestFuseOverlayLimits(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	t.Parallel()
	p := layeredProject(t)
	const script = "dd if=/dev/zero of=/fill bs=1048576 count=8 2>/dev/null && echo small; dd if=/dev/zero of=/fill bs=1048576 count=100 2>&1 && echo large; test $(stat -c %s /fill) -ge 50000000 && echo filled"
	out, said, code := run(t, p, "limited", script)
	if os.Geteuid() != 0 { // whose cgroups are not those of a root
		r := p.Run("limited", script)
		out, said, code = r.Out, r.Err, r.Code
	}
	if strings.Contains(out, "large") || !strings.HasPrefix(out, "small\n") || !strings.HasSuffix(out, "filled\n") || !strings.Contains(out, "No space left") || code != 0 {
		t.Errorf("exit code %d, output\n%s%s", code, out, said)
	}
}

// TestNoFuseOverlay: what is missing is said in one line, with what to do.
func TestNoFuseOverlay(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	t.Parallel()
	p := layeredProject(t)
	wants := map[string][]string{"absent": {"sh could not be started: mount an overlay over the rootfs", "invalid argument: the kernel stacks at most two overlays", "is not installed; fix: sudo apt-get install fuse-overlayfs (Debian, Ubuntu), "}}
	if fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err == nil {
		fuse.Close()
		wants["broken"] = []string{"sh could not be started: have fuse-overlayfs lay layers over the rootfs", "it said: no kernel; today\n"}
	} else {
		wants["broken"] = []string{"sh could not be started: mount an overlay over the rootfs", "/dev/fuse, which fuse-overlayfs needs, can't be opened: permission denied; fix: sudo chmod 666 /dev/fuse\n"}
	}
	for name, text := range map[string]string{"absent": "", "broken": "#!/bin/sh\necho 'no kernel\ntoday' >&2\nexit 1\n"} {
		dir := filepath.Join(filepath.Dir(p.Root), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, tool := range []string{"mount", "mkdir"} {
			link(t, testkit.RequireTool(t, tool), filepath.Join(dir, tool))
		}
		if text != "" {
			write(t, filepath.Join(dir, "fuse-overlayfs"), text, 0o755)
		}
		p.Env = []string{"PATH=" + dir}
		_, said, code := run(t, p, "sh", "true")
		contains(t, name, said, wants[name]...)
		if code != 127 || strings.Count(said, "\n") != 1 {
			t.Errorf("%s: exit code %d, it says %q", name, code, said)
		}
	}
}
