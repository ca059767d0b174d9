package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestMain makes this binary lanyard when it is called so: that is who is tortured.
func TestMain(m *testing.M) { testkit.Main(m, cli.Main) }

// shop is a workshop with the test binary as its lanyard.
func shop(t *testing.T) *workshop {
	t.Helper()
	testkit.RequireTool(t, "busybox")
	testkit.Require(t, testkit.UserNS)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorkshop(self)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func TestTorture(t *testing.T) {
	const seed = 1
	w := shop(t)
	report, err := w.torture(context.Background(), options{rounds: testkit.Rounds(t, 60), lanes: 4, seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if report.failed() {
		t.Errorf("something was left:\n%s", report)
	}
	t.Log(report)
}

// TestPlansRepeat: a seed makes the same round again.
func TestPlansRepeat(t *testing.T) {
	w := &workshop{limits: true, freezers: make([]freezer, 1), memory: "/memory"}
	seen := map[string]int{}
	for seed := range uint64(2000) {
		p := newPlan(seed, w)
		if again := newPlan(seed, w); p.String() != again.String() || p.file != again.file || !slices.Equal(p.words, again.words) {
			t.Fatalf("seed %d is\n%s\n%s\nand then\n%s\n%s", seed, p, p.file, again, again.file)
		}
		seen[p.attack.name]++
		for _, name := range p.doing {
			seen[name]++
		}
	}
	for _, k := range kinds {
		if a := (attack{blows: k.blows}); seen[a.title()] == 0 {
			t.Errorf("no attack is %q", a.title())
		}
	}
	for _, b := range behaviours {
		if seen[b.name] == 0 {
			t.Errorf("no child is a %s", b.name)
		}
	}
}

// spent is a round of which nothing is left: what a test leaves is all there is.
func spent(t *testing.T, w *workshop) *round {
	t.Helper()
	r, err := newRound(&plan{seed: uint64(time.Now().UnixNano()), file: "{}"}, w)
	if err != nil {
		t.Fatal(err)
	}
	r.before, r.crowd = w.outside(), r.connect()
	var left []leftover
	if !testkit.Until(leftTime, func() bool { left = r.leftovers(); return len(left) == 0 }) {
		t.Fatalf("left before anything was made: %v", left)
	}
	return r
}

// sleeper starts a process that sleeps until the test's end.
func sleeper(t *testing.T, adjust func(*exec.Cmd)) (pid int, mark uint64) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if adjust != nil {
		adjust(cmd)
	}
	mark, err := testkit.StartMarked(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid, mark
}

// TestLeftoversAreFound leaves one thing of each kind, and wants it found.
func TestLeftoversAreFound(t *testing.T) {
	w := shop(t)
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		kind, name string
		needs      []testkit.Need
		leave      func(*testing.T, *round)
	}{
		{"process", "by its mark", nil, func(t *testing.T, r *round) { _, r.mark = sleeper(t, nil) }},
		{"process", "by its environment", nil, func(t *testing.T, r *round) {
			sleeper(t, func(cmd *exec.Cmd) { cmd.Env = []string{markName + "=" + r.name} })
		}},
		{"process", "by its namespace", []testkit.Need{testkit.Root}, func(t *testing.T, r *round) {
			cmd := exec.Command("sleep", "1000") // without a mark
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
			must(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			r.spaces[pidNamespace(cmd.Process.Pid)] = true
			time.Sleep(20 * time.Millisecond) // two ticks: it must be older than the death
			r.struck = time.Now()
		}},
		{"mount", "in another namespace", []testkit.Need{testkit.Root}, func(t *testing.T, r *round) {
			sleeper(t, func(cmd *exec.Cmd) {
				script := fmt.Sprintf("mount -t tmpfs tmpfs %s && touch %[1]s/there && exec sleep 1000", r.home)
				cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", script}
				cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			})
			time.Sleep(50 * time.Millisecond) // what is found is asked for 2 s
		}},
		{"cgroup", "of a run", []testkit.Need{testkit.Root, testkit.Limits}, func(t *testing.T, _ *round) {
			root := "/sys/fs/cgroup" // of v2
			if w.memory != "" {
				root = filepath.Dir(w.memory)
			}
			folder := filepath.Join(root, fmt.Sprintf("lanyard-%012x", os.Getpid()))
			must(t, os.Mkdir(folder, 0o755))
			t.Cleanup(func() { must(t, os.Remove(folder)) })
		}},
		{"folder", "of a dead run", nil, func(t *testing.T, r *round) {
			base := w.base // which any lanyard of this machine sweeps
			w.base = t.TempDir()
			t.Cleanup(func() { w.base = base })
			folder := filepath.Join(w.base, fmt.Sprintf("%012x", os.Getpid()))
			must(t, os.MkdirAll(folder, 0o700))
			must(t, os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600))
		}},
		{"socket", "in a folder", nil, func(t *testing.T, r *round) {
			listener, err := net.Listen("unix", r.home+"/control")
			must(t, err)
			t.Cleanup(func() { listener.Close() })
		}},
		{"socket", "without a name in a folder", nil, func(t *testing.T, r *round) {
			listener, err := net.Listen("unix", r.home+"/control")
			must(t, err)
			must(t, os.Remove(r.home+"/control"))
			t.Cleanup(func() { listener.Close() })
		}},
		{"file", "beside the project", nil, func(t *testing.T, r *round) { must(t, os.WriteFile(r.home+"/x", nil, 0o644)) }},
		{"lock", "of a process", nil, func(t *testing.T, r *round) {
			f, err := os.Create(w.dir + "/locked")
			must(t, err)
			must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
			r.pids[os.Getpid()], r.mark = true, testkit.MarkOf(os.Getpid()) // as if it were the round's
			t.Cleanup(func() { f.Close() })
		}},
		{"pipe", "that somebody holds", nil, func(t *testing.T, r *round) {
			read, write, err := os.Pipe()
			must(t, err)
			r.stdout = read
			t.Cleanup(func() { read.Close(); write.Close() })
		}},
		{"connection", "that does not end", nil, func(t *testing.T, r *round) {
			r.crowd.end()
			r.crowd.gone = make(chan struct{})
		}},
	} {
		t.Run(test.kind+" "+test.name, func(t *testing.T) {
			testkit.Require(t, test.needs...)
			r := spent(t, w)
			defer os.RemoveAll(r.dir)
			test.leave(t, r)
			var left []leftover
			found := testkit.Until(leftTime, func() bool {
				left = r.leftovers()
				return slices.ContainsFunc(left, func(l leftover) bool { return l.kind == test.kind })
			})
			if !found {
				t.Errorf("found %v, want a %s", left, test.kind)
			}
		})
	}
}

// TestMoreIsSeen: who holds more than before is told of.
func TestMoreIsSeen(t *testing.T) {
	before := holdings(os.Getpid())
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if more := holdings(os.Getpid()).more(before); !strings.Contains(more, "descriptors") {
		t.Errorf("a descriptor more is %q", more)
	}
}
