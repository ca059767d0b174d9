package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// claims is a folder of run folders and the two things that are claimed.
type claims struct{ base, socket, name string }

func newClaims(t *testing.T) claims {
	t.Helper()
	c := claims{base: filepath.Join(t.TempDir(), "lanyard"), socket: filepath.Join(t.TempDir(), "control")}
	// A scope is claimed by its name, see test/supervise.
	if kind := cgroup.FindPlace().Kind; kind != cgroup.Scope && (kind != cgroup.Hierarchies || os.Geteuid() == 0) {
		testkit.Require(t, testkit.Limits)
		testkit.CgroupBase(t)
		c.name = fmt.Sprintf("lanyard-test-%d-%s/box", os.Getpid(), t.Name())
	}
	t.Cleanup(func() {
		left := []string{c.socket}
		if c.name != "" {
			group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), c.name, cgroup.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, append(group.Folders(), group.Shared()...)...)
		}
		for _, path := range append(left, c.base) {
			if exists(path) {
				t.Errorf("%s is left", path)
			}
		}
	})
	return c
}

func (c claims) start(t *testing.T) *claimer {
	t.Helper()
	s, err := startClaimer(c.base, c.socket, c.name)
	if err != nil {
		t.Fatalf("it says %q: %v", s.says, err)
	}
	return s
}

// has fails the test unless that supervisor's things are all there.
func (c claims) has(t *testing.T, when string, s *claimer) {
	t.Helper()
	if data, err := os.ReadFile(c.socket); err != nil || string(data) != strconv.Itoa(s.cmd.Process.Pid) {
		t.Fatalf("%s: the socket is %q, %v; it should be %d's, which says %q", when, data, err, s.cmd.Process.Pid, s.says)
	}
	if c.name == "" {
		return
	}
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), c.name, cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range group.Folders() {
		if !exists(folder) {
			t.Fatalf("%s: %s is gone", when, folder)
		}
	}
}

func gone(t *testing.T, pid int) {
	t.Helper()
	if !testkit.Until(testkit.Slow(20*time.Second), func() bool { return startOf(pid) == "" }) {
		t.Fatalf("process %d is still there", pid)
	}
}

// TestClaimAfterKill: the one that starts right after a kill -9 gets everything
// and keeps it, whoever of the two janitors is slow, or dead too.
func TestClaimAfterKill(t *testing.T) {
	c := newClaims(t)
	s := c.start(t)
	c.has(t, "at first", s)
	for round := range 60 {
		if round%3 == 1 {
			_ = syscall.Kill(s.janitor, syscall.SIGKILL)
		}
		if err := s.cmd.Process.Kill(); err != nil { // not waited for: it may die any time now
			t.Fatal(err)
		}
		next := c.start(t)
		when := fmt.Sprintf("round %d", round)
		c.has(t, when, next)
		_ = s.cmd.Wait()
		gone(t, s.janitor)
		if err := sweep(c.base); err != nil {
			t.Fatal(err)
		}
		c.has(t, when+", after the janitor of the one before", next)
		s = next
	}
	s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("an orderly end: %v", err)
	}
}

// TestClaimAfterAnOrderlyEnd: while the first one is ending.
func TestClaimAfterAnOrderlyEnd(t *testing.T) {
	c := newClaims(t)
	s := c.start(t)
	for round := range 20 {
		s.in.Close()
		next := c.start(t)
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		c.has(t, fmt.Sprintf("round %d", round), next)
		s = next
	}
	s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the last one: %v", err)
	}
}

// TestOneClaimWins: of many that start at once after a kill one gets it, and the
// others say who.
func TestOneClaimWins(t *testing.T) {
	c := newClaims(t)
	s := c.start(t)
	for range 3 {
		_ = s.cmd.Process.Kill()
		many := make([]*claimer, 6)
		var group sync.WaitGroup
		for i := range many {
			group.Go(func() { many[i], _ = startClaimer(c.base, c.socket, c.name) })
		}
		group.Wait()
		_ = s.cmd.Wait()
		s = nil
		for _, m := range many {
			if m == nil {
				t.Fatal("one could not be started")
			}
			if strings.HasPrefix(m.says, "ready ") {
				if s != nil {
					t.Fatalf("two have it: %q and %q", s.says, m.says)
				}
				s = m
			}
		}
		if s == nil {
			t.Fatal("nobody has it")
		}
		for _, m := range many {
			if m != s {
				if want := fmt.Sprintf("taken %d", s.cmd.Process.Pid); m.says != want {
					t.Errorf("one says %q, want %q", m.says, want)
				}
				m.in.Close()
				_ = m.cmd.Wait()
			}
		}
		c.has(t, "after the others", s)
	}
	s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestClaimErrors(t *testing.T) {
	base, dir := filepath.Join(t.TempDir(), "lanyard"), t.TempDir()
	first, second := runIn(base), runIn(base)
	for _, r := range []*Run{first, second} {
		defer func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	at := func(kind, name string) Entry { return Entry{kind, filepath.Join(dir, name)} }
	if err := first.Claim(at(janitor.DirEntry, "shared"), at(janitor.TreeEntry, "a")); err != nil {
		t.Fatal(err)
	}
	if err := first.Claim(at(janitor.TreeEntry, "a"), at(janitor.TreeEntry, "b")); err != nil {
		t.Errorf("what is its own already: %v", err)
	}
	if err := second.Claim(at(janitor.DirEntry, "shared"), at(janitor.TreeEntry, "c")); err != nil {
		t.Errorf("what is shared: %v", err)
	}
	put(t, filepath.Join(dir, "c"))
	t.Cleanup(func() { // when both have ended
		if !exists(filepath.Join(dir, "c")) {
			t.Error("what was only claimed is removed: it may be another program's")
		}
	})
	var taken *TakenError
	err := second.Claim(at(janitor.TreeEntry, "d"), at(janitor.CgroupEntry, "b"))
	if want := fmt.Sprintf("%s/b is already run by process %d; stop that one first", dir, os.Getpid()); !errors.As(err, &taken) || err.Error() != want {
		t.Errorf("what a live run has: %v", err)
	}
	if err := first.Claim(at(janitor.TreeEntry, "d")); err != nil {
		t.Errorf("a claim that failed holds nothing: %v", err)
	}

	// A dead run that can't be cleaned up stays in the way, and says why.
	if err := errors.Join(os.MkdirAll(filepath.Join(base, "dead"), 0o700), os.Mkdir(filepath.Join(dir, "e"), 0o700), os.Symlink("loop", filepath.Join(dir, "loop")),
		os.WriteFile(filepath.Join(base, "dead", janitor.LockFile), []byte("1 0\n"), 0o600),
		os.WriteFile(filepath.Join(base, "dead", janitor.JournalFile), []byte("socket "+dir+"/loop/x\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := second.Claim(at(janitor.SocketEntry, "loop/x")); err == nil || !strings.Contains(err.Error(), "cannot take over "+dir+"/loop/x from a run that is over: remove "+dir+"/loop/x: ") {
		t.Errorf("what can't be removed: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(base, "dead", janitor.JournalFile), []byte("dir "+dir+"/e\ntree "+dir+"/f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := second.Claim(at(janitor.TreeEntry, "f")); err != nil || exists(filepath.Join(base, "dead")) || exists(filepath.Join(dir, "e")) {
		t.Errorf("what a dead run left: %v", err)
	}
}
