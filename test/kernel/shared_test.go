package kernel_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestTypedKeys: a single command has the caller's terminal, and can't type on it
// (CVE-2019-10063), whatever filter it has.
func TestTypedKeys(t *testing.T) {
	t.Parallel()
	for name, security := range map[string]string{"default": "{}", "unconfined": "{seccomp: unconfined}", "a profile": "{seccomp: profile.json}"} {
		t.Run(name, func(t *testing.T) {
			master, slave := terminal(t)
			p := newProject(t, `
  type: !Command {container: h, security: `+security+`, run: [./helper, push-key, /dev/tty], accepts-arguments: false}
`)
			p.write("profile.json", `{"defaultAction": "SCMP_ACT_ALLOW"}`)
			r := p.start(on(slave), "type")
			r.want(0, 20*time.Second)
			if got := strings.Count(r.output(), notPermitted); got != 4 || strings.Contains(r.output(), "nil") {
				t.Errorf("%d of 4 ways are not permitted:\n%s", got, r.output())
			}
			// What was typed would be read by the shell behind lanyard.
			if n, err := unix.IoctlGetInt(int(slave.Fd()), unix.TIOCINQ); err != nil || n != 0 {
				t.Errorf("%d bytes are in the terminal's input: %v", n, err)
			}
			slave.Close()
			master.Close()
		})
	}
}

// abstractSocket listens on an abstract socket of the host, and says whether this
// kernel can shut it off.
func abstractSocket(t *testing.T) (name string, shut bool) {
	t.Helper()
	scope := linux.AbstractScope()
	if scope >= 0 {
		unix.Close(scope)
	}
	name = fmt.Sprintf("lanyard-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	l, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return name, scope >= 0
}

// TestAbstractSockets: those of the host, whose network the container shares, are
// shut off, and open where the project file says so; a container's own work.
func TestAbstractSockets(t *testing.T) {
	t.Parallel()
	name, shut := abstractSocket(t)
	if !shut && os.Getenv("LANYARD_TEST_AS") == "" {
		t.Skip("this kernel can't shut them off")
	}
	p := newProject(t, `
  shut: !Command {container: h, run: [./helper, reach, `+name+`], accepts-arguments: false}
  open: !Command {container: h, security: {abstract-sockets: true}, run: [./helper, reach, `+name+`]}
  own: !Command {container: h, run: [./helper, reach, "own:`+name+`-own"]}
  user: !Command {container: h, user-id: 1, group-id: 1, run: [./helper, reach, `+name+`]}
`)
	for command, want := range map[string]string{"open": "reached", "own": "reached", "shut": notPermitted, "user": notPermitted} {
		if !shut {
			want = "reached" // the table in docs/security.md says so
		}
		r := p.start(nil, command)
		r.wait(20 * time.Second)
		if got := r.output(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q\n%s", command, got, want, r.errors())
		}
	}
}

// TestLanyardInLanyard: with nesting a container makes containers, as root and as
// an ordinary user; without, root does not.
func TestLanyardInLanyard(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
  inner: !Command {container: h, run: "grep -c . /proc/self/status >/dev/null && ls -d /proc/[0-9]* | wc -l && exit 5"}
  outer: !Command {container: h, security: {nesting: true}, run: "ln -s /work/helper /tmp/lanyard; PATH=/tmp:$PATH HOME=/tmp exec lanyard inner"}
  shut: !Command {container: h, run: "ln -s /work/helper /tmp/lanyard; PATH=/tmp:$PATH HOME=/tmp exec lanyard inner"}
`)
	r := p.start(nil, "outer")
	r.want(5, 20*time.Second)
	if got := strings.TrimSpace(r.output()); got != "3" && got != "4" {
		t.Errorf("%q processes are in sight in the inner container: its init, sh, ls and wc\n%s", got, r.log())
	}
	r = p.start(nil, "shut")
	if code := r.wait(20 * time.Second); code == 5 {
		t.Errorf("without nesting it works too\n%s", r.log())
	}
}

// TestSharedVolume swaps a volume's mount point, in a volume that is shared, for a
// link to the host, all the while containers start (CVE-2021-30465).
func TestSharedVolume(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c:
    rootfs: ROOT
    volumes:
      /vol: !BindRW /work/shared
      /vol/in: !Tmpfs {files: {made: text}}
commands:
  c: !Command {container: c, run: "echo x >/vol/in/x; true"}
`)
	p.Write("shared/in/keep", "")
	canary := filepath.Join(filepath.Dir(p.Dir), "canary")
	if err := os.Mkdir(canary, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{canary, "../../canary", "../../../../../../../.." + canary, "/etc"} {
		if err := os.Symlink(link, p.Path("shared/.in")); err != nil {
			t.Fatal(err)
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					_ = unix.Renameat2(unix.AT_FDCWD, p.Path("shared/in"), unix.AT_FDCWD, p.Path("shared/.in"), unix.RENAME_EXCHANGE)
				}
			}
		}()
		starts := testkit.Rounds(t, 200) / 4
		codes := map[int]int{}
		for range starts {
			r := p.Run("c")
			if codes[r.Code]++; r.Code != 0 && r.Code != 127 {
				t.Errorf("%+v", r)
			}
		}
		close(stop)
		<-stopped
		t.Logf("link to %s: exit codes %v", link, codes)
		_, _ = os.Remove(p.Path("shared/.in")), os.Remove(p.Path("shared/in"))
		if err := os.MkdirAll(p.Path("shared/in"), 0o755); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(p.Path("shared/.in"))
	}
	names, err := os.ReadDir(canary)
	if err != nil || len(names) != 0 {
		t.Errorf("the canary's folder holds %v, %v", names, err)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), "/canary") {
		t.Errorf("something is mounted over the canary: %v\n%s", err, mounts)
	}
}
