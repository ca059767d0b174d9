package janitor_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

func touch(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func folder(t *testing.T, journal string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	touch(t, filepath.Join(dir, janitor.LockFile))
	if err := os.WriteFile(filepath.Join(dir, janitor.JournalFile), []byte(journal), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	touch(t, in("tree/a/b/f"), in("tree/c"), in("file"), in("kept"), in("full/f"), in("outside/f"), in("half"))
	for link, target := range map[string]string{in("tree/a/link"): in("outside"), in("link"): in("outside")} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"empty", "tree/a/closed"} {
		if err := os.Mkdir(in(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, in("tree/a/closed/f"))
	if err := os.Chmod(in("tree/a/closed"), 0); err != nil {
		t.Fatal(err)
	}
	journal := strings.Join([]string{
		"tree " + in("tree"), "tree " + in("file"), "socket " + in("gone"), "tree " + in("gone"), "cgroup " + in("gone"), "dir " + in("gone"),
		"dir " + in("full"), "dir " + in("empty"), "tree " + in("link"), "", "tree relative", "tree", "unknown " + in("kept"), "tree " + in("half"),
	}, "\n") // the last line was never finished
	run := folder(t, journal)
	for round := range 2 { // what is done already is fine
		if err := janitor.Clean(run); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	for name, want := range map[string]bool{
		"tree": false, "file": false, "empty": false, "link": false, "full/f": true, "kept": true, "outside/f": true, "half": true,
	} {
		if there(in(name)) != want {
			t.Errorf("%s is there: %v, want %v", name, !want, want)
		}
	}
	if there(run) {
		t.Error("the run folder is still there")
	}
}

// TestCleanInReverse: what was made last goes first.
func TestCleanInReverse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	touch(t, filepath.Join(dir, "f"))
	if err := janitor.Clean(folder(t, "dir "+dir+"\ntree "+dir+"/f\n")); err != nil || there(dir) {
		t.Errorf("%v; the folder is there: %v", err, there(dir))
	}
}

// TestCleanKeepsWhatItCannot: the folder stays for a later start.
func TestCleanKeepsWhatItCannot(t *testing.T) {
	dir := t.TempDir()
	touch(t, filepath.Join(dir, "f"))
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	run := folder(t, "tree "+dir+"/f\nsocket "+dir+"/loop/x\n")
	err := janitor.Clean(run)
	if err == nil || !strings.Contains(err.Error(), "remove "+dir+"/loop/x: ") {
		t.Errorf("the error is %v", err)
	}
	if there(filepath.Join(dir, "f")) || !there(filepath.Join(run, janitor.JournalFile)) {
		t.Error("one failure must not keep the rest, and must keep the journal")
	}
}

func TestCleanFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	real := folder(t, "")
	if err := os.Symlink(real, filepath.Join(dir, "run")); err != nil {
		t.Fatal(err)
	}
	if err := janitor.Clean(filepath.Join(dir, "run")); err == nil || !there(real) {
		t.Errorf("a link in place of a run folder: %v, what it leads to is there: %v", err, there(real))
	}
}

// TestRemoveTreeWhileWritten: a process that is being killed may still write.
func TestRemoveTreeWhileWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	touch(t, filepath.Join(dir, "f"))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if f, err := os.Create(filepath.Join(dir, string(rune('a'+i%26)))); err == nil {
					f.Close()
				}
			}
		}
	}()
	finished := make(chan struct{})
	var err error
	go func() {
		defer close(finished)
		err = janitor.RemoveTree(dir)
	}()
	for range 2000 { // a while of writing, however fast the machine is
		_, _ = os.Lstat(dir)
	}
	close(stop)
	<-done
	<-finished
	if err != nil || there(dir) {
		t.Errorf("%v; the folder is there: %v", err, there(dir))
	}
}

// TestRemoveTreeStaysOnItsFilesystem: what is mounted below is somebody else's.
func TestRemoveTreeStaysOnItsFilesystem(t *testing.T) {
	testkit.Require(t, testkit.Root)
	dir := filepath.Join(t.TempDir(), "tree")
	mnt := filepath.Join(dir, "mnt")
	touch(t, filepath.Join(mnt, "covered"))
	if err := unix.Mount("tmpfs", mnt, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(mnt, 0); err != nil {
			t.Error(err)
		}
	}()
	touch(t, filepath.Join(mnt, "f"))
	if err := janitor.RemoveTree(dir); err != unix.EXDEV || !there(filepath.Join(mnt, "f")) {
		t.Errorf("%v; the mounted file is there: %v", err, there(filepath.Join(mnt, "f")))
	}
}

// TestReadOnlyPlace: what could not be made because its filesystem is mounted
// read-only need not be removed.
func TestReadOnlyPlace(t *testing.T) {
	testkit.Require(t, testkit.Root)
	place := t.TempDir()
	dir := folder(t, "tree "+place+"/half\n")
	runtime.LockOSThread() // the thread ends with this goroutine, and its mount namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", place, "tmpfs", unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(place, 0) })
	if err := janitor.Clean(dir); err != nil || there(dir) {
		t.Errorf("%v, the run folder is there: %v", err, there(dir))
	}
}
