package container

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// runIn is a run whose folder is made in base.
func runIn(base string) *Run {
	r := NewRun()
	r.base = base
	return r
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func put(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRunFolder(t *testing.T) {
	base, thing := filepath.Join(t.TempDir(), "deep/lanyard"), filepath.Join(t.TempDir(), "thing")
	r := runIn(base)
	if err := r.Close(); err != nil || exists(base) {
		t.Fatalf("a run that noted nothing: %v, its base is there: %v", err, exists(base))
	}
	if err := r.Note(Entry{janitor.TreeEntry, thing}); err != nil {
		t.Fatal(err)
	}
	put(t, thing)
	for path, want := range map[string]os.FileMode{base: 0o700 | os.ModeDir, filepath.Join(base, r.ID()): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if err := sweep(base); err != nil || !exists(thing) {
		t.Errorf("a sweep while the run lives: %v, its thing is there: %v", err, exists(thing))
	}
	// The janitor shows nothing and holds nothing but what it needs.
	proc := "/proc/" + strconv.Itoa(r.janitor)
	want := 4
	if fd, err := janitor.Lookout(); err == nil {
		unix.Close(fd)
		want = 5 // the program that it becomes
	}
	// It opens files for a moment while it starts.
	var fds []os.DirEntry
	var err error
	testkit.Until(testkit.Slow(10*time.Second), func() bool { fds, err = os.ReadDir(proc + "/fd"); return err != nil || len(fds) == want })
	if err != nil || len(fds) != want {
		t.Errorf("descriptors of the janitor: %v, %v; want %d", fds, err, want)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(thing) || exists(base) || exists(proc) {
		t.Errorf("left after an orderly end: thing %v, base %v, janitor %v", exists(thing), exists(base), exists(proc))
	}
}

func TestSweep(t *testing.T) {
	base, dir := filepath.Join(t.TempDir(), "lanyard"), t.TempDir()
	if err := os.Mkdir(base, 0o700); err != nil {
		t.Fatal(err)
	}
	lock := func(run string) {
		f, err := os.OpenFile(filepath.Join(base, run, janitor.LockFile), os.O_RDWR|os.O_CREATE, 0o600)
		if err == nil {
			err = flock(f, unix.LOCK_EX)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
	}
	for _, run := range []string{"dead", "live", "early"} {
		put(t, filepath.Join(dir, run))
		put(t, filepath.Join(base, run, janitor.JournalFile))
		if err := os.WriteFile(filepath.Join(base, run, janitor.JournalFile), []byte("tree "+dir+"/"+run+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(base, "dead", janitor.LockFile))
	lock("live")
	if err := sweep(base); err != nil {
		t.Fatal(err)
	}
	for run, want := range map[string]bool{"dead": false, "live": true, "early": false} {
		if exists(filepath.Join(dir, run)) != want || exists(filepath.Join(base, run)) != want {
			t.Errorf("%s: its thing is there: %v, its folder: %v; want %v", run, exists(filepath.Join(dir, run)), exists(filepath.Join(base, run)), want)
		}
	}
	if err := sweep(filepath.Join(base, "none")); err != nil {
		t.Errorf("no folder of run folders: %v", err)
	}
}

func TestForeignBase(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(at("real"), 0o700), os.Symlink(at("real"), at("link")), os.WriteFile(at("file"), nil, 0o600),
		os.Mkdir(at("open"), 0o700), os.Chmod(at("open"), 0o777)); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"link": " is a symlink or a file; it must be a folder of yours; fix: ",
		"file": " is a symlink or a file",
		"open": " belongs to uid " + strconv.Itoa(os.Geteuid()) + " with mode 0777; it must be yours alone",
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Mkdir(at("theirs"), 0o700), os.Chown(at("theirs"), 54321, 54321)); err != nil {
			t.Fatal(err)
		}
		cases["theirs"] = " belongs to uid 54321 with mode 0700; it must be yours alone"
	}
	for name, want := range cases {
		for what, err := range map[string]error{"note": runIn(at(name)).Note(Entry{janitor.TreeEntry, "/nothing"}), "sweep": sweep(at(name))} {
			if err == nil || !strings.Contains(err.Error(), at(name)+want) {
				t.Errorf("%s in %s: %v, want %q", what, name, err, want)
			}
		}
		if entries, _ := os.ReadDir(at(name)); len(entries) > 0 {
			t.Errorf("%s: %v were made in there", name, entries)
		}
	}
}

// TestManyRunsAtOnce: runs that come and go remove the folder that others are
// about to make theirs in.
func TestManyRunsAtOnce(t *testing.T) {
	base := filepath.Join(t.TempDir(), "lanyard")
	problems := make(chan error, 1000)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 15 {
				r := runIn(base)
				problems <- sweep(base)
				problems <- r.Note(Entry{janitor.TreeEntry, "/nonexistent/file"})
				problems <- r.Close()
			}
		})
	}
	group.Wait()
	close(problems)
	for err := range problems {
		if err != nil {
			t.Error(err)
		}
	}
	if exists(base) {
		t.Error("the folder of the run folders is left")
	}
}

func TestRunBase(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/xdg")
	want := "/xdg/lanyard"
	if os.Geteuid() == 0 {
		want = "/run/lanyard"
	}
	if got := RunBase(); got != want {
		t.Errorf("RunBase is %s, want %s", got, want)
	}
	t.Setenv("XDG_RUNTIME_DIR", "relative")
	if got := RunBase(); os.Geteuid() != 0 && got != "/tmp/lanyard-"+strconv.Itoa(os.Geteuid()) {
		t.Errorf("RunBase without a runtime folder is %s", got)
	}
}

func TestCloneErrors(t *testing.T) {
	for _, c := range []struct {
		errno  syscall.Errno
		userNS bool
		want   string
	}{
		{syscall.EPERM, false, "clone a process into new namespaces: operation not permitted: "},
		{syscall.ENOSPC, false, "there are as many namespaces as this machine allows (max_user_namespaces "},
		{syscall.ENOMEM, false, "clone a process into new namespaces: cannot allocate memory"},
		{syscall.EPERM, true, "clone a process into a new user namespace: operation not permitted: "},
		{syscall.EINVAL, true, "CONFIG_USER_NS"},
	} {
		if got := cloneError(c.errno, c.userNS).Error(); !strings.Contains(got, c.want) {
			t.Errorf("%v: %q does not say %q", c.errno, got, c.want)
		}
	}
}

// TestNoteIsWholeOrNothing: what stands in the journal is removed, so a line
// must never say something else than was noted.
func TestNoteIsWholeOrNothing(t *testing.T) {
	testkit.Require(t, testkit.Root)
	base := t.TempDir()
	if err := unix.Mount("tmpfs", base, "tmpfs", 0, "size=12k,mode=700"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(base, 0); err != nil {
			t.Error(err)
		}
	}()
	path := func(n int) Entry { return Entry{janitor.TreeEntry, strings.Repeat("/none", n)} }
	r := runIn(base)
	if err := r.Note(path(800)); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(base, "filler")
	if err := os.WriteFile(filler, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Note(path(80)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := r.Note(Entry{janitor.TreeEntry, "/none\ntree /none"}); err == nil || !strings.Contains(err.Error(), "newline") {
		t.Errorf("a path with a newline: %v", err)
	}
	if err := r.Note(path(2)); err != nil {
		t.Fatal(err)
	}
	want := "tree " + path(800).Path + "\ntree " + path(2).Path + "\n"
	if data, err := os.ReadFile(filepath.Join(base, r.ID(), janitor.JournalFile)); err != nil || string(data) != want {
		t.Errorf("the journal is %d bytes, want %d; it ends with %q; %v", len(data), len(want), data[max(0, len(data)-30):], err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestBegin: a janitor that was started early serves the run, and one that is
// not needed after all ends with it.
func TestBegin(t *testing.T) {
	for _, noted := range []bool{true, false} {
		r := runIn(filepath.Join(t.TempDir(), "base"))
		r.Begin()
		file := filepath.Join(t.TempDir(), "file")
		if noted {
			if err := r.Note(Entry{janitor.TreeEntry, file}); err != nil {
				t.Fatal(err)
			}
			put(t, file)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if exists(file) {
			t.Errorf("noted %v: the file is there after the run", noted)
		}
		if err := syscall.Kill(r.janitor, 0); err != syscall.ESRCH {
			t.Errorf("noted %v: the janitor %d is there after the run: %v", noted, r.janitor, err)
		}
	}
}
