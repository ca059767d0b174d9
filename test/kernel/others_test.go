package kernel_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// Two users without a name: one runs lanyard, the other one attacks.
const (
	victim   = 54331
	attacker = 54332
)

// as makes a command another user's, whose run folders are in /tmp.
func as(uid uint32) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}
	}
}

// forOthers is a project that the victim can use, and the folder of its run folders,
// which no test but these has.
func forOthers(t *testing.T, commands string) (p *project, base string) {
	t.Helper()
	testkit.Require(t, testkit.Root)
	p = newProject(t, commands)
	for _, err := range []error{os.Chmod(filepath.Dir(p.dir), 0o755), os.Chown(p.dir, victim, victim)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	base = "/tmp/lanyard-" + strconv.Itoa(victim)
	if _, err := os.Lstat(base); err == nil {
		t.Fatalf("%s is there before the test", base)
	}
	return p, base
}

const fills = `
  fill: !Command {container: h, run: "touch ready; until test -e go; do sleep 0.01; done"}
  use: !Command {container: h, volumes: {/tmp: !Persistent {name: v, init-command: fill}}, run: [echo, used]}
`

// TestOthersFolder: what another user has put where the run folders would be is
// neither used nor cleaned up: the record of a dead run in there could name
// anything of the victim's.
func TestOthersFolder(t *testing.T) {
	p, base := forOthers(t, fills)
	p.write("precious", "x")
	p.write("go", "")
	own := filepath.Join(t.TempDir(), "attacker")
	planted := func(path string, mode os.FileMode, uid int) error {
		run := filepath.Join(path, "0123456789ab")
		for _, err := range []error{
			os.MkdirAll(run, 0o755), os.WriteFile(run+"/lock", nil, 0o666), os.WriteFile(run+"/journal", []byte("tree "+p.path("precious")+"\n"), 0o666),
			os.Chown(run, uid, uid), os.Chown(path, uid, uid), os.Chmod(path, mode),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}
	for name, make := range map[string]func() error{
		"a folder of the attacker's, shut": func() error { return planted(base, 0o700, attacker) },
		"one that all may write to":        func() error { return planted(base, 0o777, attacker) },
		"the victim's, that all may write": func() error { return planted(base, 0o777, victim) },
		"a link to the attacker's folder": func() error {
			if err := planted(own, 0o755, attacker); err != nil {
				return err
			}
			return os.Symlink(own, base)
		},
		"a link to the victim's folder": func() error {
			if err := planted(p.path("elsewhere"), 0o700, victim); err != nil {
				return err
			}
			return os.Symlink(p.path("elsewhere"), base)
		},
		"a file": func() error { return os.WriteFile(base, nil, 0o666) },
		"a pipe": func() error { return unix.Mkfifo(base, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			defer os.RemoveAll(base)
			if err := make(); err != nil {
				t.Fatal(err)
			}
			before, _ := filepath.Glob(base + "/*")
			r := p.start(as(victim), "use")
			if code := r.wait(20 * time.Second); code == 0 || strings.Contains(r.output(), "used") {
				t.Errorf("exit code %d\n%s", code, r.log())
			}
			r.says(base)
			if p.read("precious") != "x" {
				t.Error("what the attacker's record names is gone")
			}
			if after, _ := filepath.Glob(base + "/*"); !slices.Equal(before, after) {
				t.Errorf("in there were %v and are %v", before, after)
			}
		})
	}
}

// TestOthersCanDoNothing: another user can't look into, lock, stop or take over a
// run.
func TestOthersCanDoNothing(t *testing.T) {
	p, base := forOthers(t, fills)
	r := p.start(as(victim), "use")
	r.appear("ready")
	folders, err := filepath.Glob(base + "/*")
	if err != nil || len(folders) != 1 {
		t.Fatalf("run folders: %v, %v", folders, err)
	}
	words := []string{"attack", base, folders[0], folders[0] + "/lock", folders[0] + "/journal", "pids", strconv.Itoa(r.cmd.Process.Pid)}
	for _, name := range []string{"lanyard-janitor", "lanyard-init"} {
		for _, p := range r.named(name) {
			words = append(words, strconv.Itoa(p.PID))
		}
	}
	if len(words) != 9 {
		t.Errorf("it has not one janitor and one stage: %q", words)
	}
	cmd := &exec.Cmd{Path: p.path(helperName), Args: append([]string{helperName}, words...)}
	as(attacker)(cmd)
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || text != "" {
		t.Errorf("the attacker has\n%s%v", text, err)
	}
	p.write("go", "")
	r.want(0, 20*time.Second)
	if _, err := os.Lstat(base); err == nil {
		t.Errorf("%s is left", base)
	}
}

// attack tries files and folders, then processes, and prints what could be done.
func attack(words []string) int {
	for len(words) > 0 && words[0] != "pids" {
		for name, flags := range map[string]int{"read": unix.O_RDONLY, "write": unix.O_RDWR, "create": unix.O_RDWR | unix.O_CREAT} {
			fd, err := unix.Open(words[0], flags|unix.O_NONBLOCK, 0o666)
			if err == nil {
				fmt.Println(name, words[0], unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
			}
		}
		for name, err := range map[string]error{
			"remove": os.Remove(words[0]), "replace": os.Rename(words[0], words[0]+"-moved"), "chmod": os.Chmod(words[0], 0o777),
			"put in": os.WriteFile(words[0]+"/x", nil, 0o666),
		} {
			if err == nil {
				fmt.Println(name, words[0])
			}
		}
		if c, err := net.Dial("unix", words[0]); err == nil {
			fmt.Println("connect", words[0])
			c.Close()
		}
		words = words[1:]
	}
	for _, word := range words[1:] {
		pid, _ := strconv.Atoi(word)
		for _, sig := range []syscall.Signal{0, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGSTOP} {
			if unix.Kill(pid, sig) == nil {
				fmt.Println("signal", pid, sig)
			}
		}
		if unix.PtraceAttach(pid) == nil {
			fmt.Println("trace", pid)
		}
		for _, file := range []string{"environ", "fd", "mem", "root/", "cwd/", "exe"} {
			path := "/proc/" + word + "/" + file
			if fd, err := unix.Open(path, unix.O_RDONLY, 0); err == nil {
				if n, _ := unix.Read(fd, make([]byte, 1)); n > 0 || file != "environ" {
					fmt.Println("open", path)
				}
				unix.Close(fd)
			}
		}
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			for n := range 12 {
				if _, err := unix.PidfdGetfd(fd, n, 0); err == nil {
					fmt.Println("take descriptor", n, "of", pid)
				}
			}
			if unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0) == nil {
				fmt.Println("signal by descriptor", pid)
			}
		}
	}
	return 0
}
