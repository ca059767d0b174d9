package linux_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

func pointers(list ...string) []*byte {
	var out []*byte
	for _, s := range list {
		b, err := syscall.BytePtrFromString(s)
		if err != nil {
			panic(err)
		}
		out = append(out, b)
	}
	return append(out, nil)
}

// shell is a process that runs a script as this test's own user, and that
// changes nothing else.
func shell(script string, env ...string) *linux.Process {
	return &linux.Process{
		Paths: [][]byte{[]byte("/bin/sh\x00")}, Argv: pointers("sh", "-c", script), Env: pointers(env...),
		TTY: -1, CgroupDir: -1, Ruleset: -1, Caps: ^uint64(0), LastCap: linux.LastCap(), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()),
	}
}

// start starts p on a thread with every signal blocked, which ends with it, and
// waits for the command's end.
func start(t *testing.T, p *linux.Process) (status syscall.WaitStatus, failed *linux.StepError) {
	t.Helper()
	if p.UID == 0 {
		p.Caps = linux.Permitted()
	}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		linux.BlockAll()
		var pid int
		var pidfd int
		if pid, pidfd, failed = p.Start(); failed == nil {
			unix.Close(pidfd)
			_, err = linux.Retry(func() (int, error) { return syscall.Wait4(pid, &status, 0, nil) })
		}
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	return status, failed
}

func TestStart(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	p := shell(`{ echo "$WORD"; cat /proc/self/status; ls /proc/self/fd; ulimit -Hn; } >"$OUT"; exit 7`, "WORD=two words", "OUT="+out, "PATH=/bin:/usr/bin")
	p.NoFile, p.NoNewPrivs, p.Ignore = 77, true, 1<<(syscall.SIGINT-1)
	status, err := start(t, p)
	if err != nil || status.ExitStatus() != 7 {
		t.Fatalf("status %v, %v", status, err)
	}
	data, rerr := os.ReadFile(out)
	if rerr != nil {
		t.Fatal(rerr)
	}
	text := strings.ReplaceAll(string(data), "\t", " ")
	for _, want := range []string{"two words\n", "SigBlk: 0000000000000000\n", "SigIgn: 0000000000000002\n", "NoNewPrivs: 1\n", "CapAmb: 0000000000000000\n", "\n0\n1\n2\n3\n77\n"} {
		if !strings.Contains(text, want) { // 3 is ls's own
			t.Errorf("no %q in what the command saw:\n%s", want, text)
		}
	}
}

func TestStartDropsRights(t *testing.T) {
	testkit.Require(t, testkit.Root)
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{dir: 0o777, filepath.Dir(dir): 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out")
	p := shell(`cat /proc/self/status >"$OUT"`, "OUT="+out, "PATH=/bin:/usr/bin")
	p.UID, p.GID, p.SetGroups, p.Groups, p.Caps = 1234, 2345, true, []uint32{7, 8}, 1<<unix.CAP_KILL
	if _, err := start(t, p); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(out)
	text := strings.ReplaceAll(string(data), "\t", " ")
	for _, want := range []string{"Uid: 1234 1234 1234 1234\n", "Gid: 2345 2345 2345 2345\n", "Groups: 7 8 \n",
		"CapPrm: 0000000000000000\n", "CapEff: 0000000000000000\n", "CapBnd: 0000000000000020\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in what the command saw:\n%s", want, text)
		}
	}
}

func TestStartErrors(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const everyone, user = false, true
	for _, c := range []struct {
		step   string
		path   string
		errno  syscall.Errno
		asUser bool
		change func(p *linux.Process)
	}{
		{"enter the cgroup", "", syscall.EBADF, everyone, func(p *linux.Process) { p.CgroupFDs = []int{1 << 20} }},
		{"unshare the cgroup namespace", "", syscall.EPERM, user, func(p *linux.Process) { p.NewCgroupNS = true }},
		{"take the terminal's foreground", "", syscall.ENOTTY, everyone, func(p *linux.Process) { p.TTY = int(null.Fd()) }},
		{"limit open files", "", syscall.EPERM, everyone, func(p *linux.Process) { p.NoFile = 1 << 40 }},
		{"drop capabilities from the bounding set", "", syscall.EPERM, user, func(p *linux.Process) { p.Caps = 0 }},
		{"set supplementary groups", "", syscall.EPERM, user, func(p *linux.Process) { p.SetGroups = true }},
		{"set supplementary groups", "", syscall.EINVAL, !user, func(p *linux.Process) { p.SetGroups, p.Groups = os.Geteuid() == 0, make([]uint32, 70000) }},
		{"set the group id", "", syscall.EPERM, user, func(p *linux.Process) { p.GID++ }},
		{"set the user id", "", syscall.EPERM, user, func(p *linux.Process) { p.UID++ }},
		{"execute", "", syscall.ENOENT, everyone, func(p *linux.Process) { p.Paths = [][]byte{[]byte("/no/such\x00")} }},
		{"execute", plain, syscall.EACCES, everyone, func(p *linux.Process) {
			p.Paths = [][]byte{[]byte(plain + "\x00"), []byte("/no/such\x00")}
		}},
	} {
		if (c.asUser && os.Geteuid() == 0) || (c.errno == syscall.EINVAL && os.Geteuid() != 0) {
			continue // the kernel lets this one do it
		}
		p := shell("exit 0")
		c.change(p)
		_, got := start(t, p)
		if got == nil || got.Step != c.step || got.Errno != c.errno || (c.path != "" && got.Path != c.path) {
			t.Errorf("%s: got %v, want %v %s", c.step, got, c.errno, c.path)
		}
	}
	if _, err := start(t, &linux.Process{Paths: [][]byte{[]byte("/no/such\x00"), []byte(plain + "/x\x00"), []byte("/bin/sh\x00")},
		Argv: pointers("sh", "-c", ":"), Env: pointers(), TTY: -1, CgroupDir: -1, Ruleset: -1, Caps: ^uint64(0), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}); err != nil {
		t.Errorf("a later candidate is not tried: %v", err)
	}
}

func TestLastCap(t *testing.T) {
	data, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(data)); got == "" || linux.LastCap() != int(got[0]-'0')*10+int(got[len(got)-1]-'0') {
		t.Errorf("LastCap is %d, the kernel says %s", linux.LastCap(), got)
	}
	if linux.IsCommandLine("lanyard-init") {
		t.Error("this test takes itself for a stage")
	}
}
