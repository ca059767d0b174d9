package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestDefaultPath(t *testing.T) {
	for _, c := range []struct{ data, home, want string }{
		{"/data", "/home/me", "/data/lanyard"}, {"", "/home/me", "/home/me/.local/share/lanyard"},
		{"rel", "/home/me", "/home/me/.local/share/lanyard"}, {"", "", ""}, {"", "rel", ""},
	} {
		env := map[string]string{"XDG_DATA_HOME": c.data, "HOME": c.home}
		got, err := DefaultPath(func(name string) string { return env[name] })
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "write store: FOLDER in the settings") {
			t.Errorf("it does not help: %v", err)
		}
	}
}

// TestOpen: what runs comes from the store, so nobody else may write to it.
func TestOpen(t *testing.T) {
	s := open(t)
	info, err := os.Stat(s.Path())
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
	must(t, os.Chmod(s.Path(), 0o770))
	if _, err := Open(s.Path(), "test"); err == nil || !strings.Contains(err.Error(), s.Path()+" belongs to uid ") || !strings.Contains(err.Error(), "mode 0770; it must be yours alone") {
		t.Errorf("writable for others: %v", err)
	}
	must(t, os.Chmod(s.Path(), 0o755))
	if _, err := Open(s.Path(), "test"); err != nil {
		t.Errorf("readable for others: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{file, file + "/below", "/proc/lanyard"} {
		if _, err := Open(path, "test"); err == nil || !strings.Contains(err.Error(), "cannot make the store for images: ") || !strings.Contains(err.Error(), "FOLDER in the settings") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOpenAnothers(t *testing.T) {
	testkit.Require(t, testkit.Root)
	s := open(t)
	must(t, os.Chown(s.Path(), 12345, 0))
	if _, err := Open(s.Path(), "test"); err == nil || !strings.Contains(err.Error(), "belongs to uid 12345") {
		t.Errorf("another's: %v", err)
	}
}

func TestNotWritable(t *testing.T) {
	testkit.Require(t, testkit.User)
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o555))
	if _, err := Open(filepath.Join(dir, "s"), "test"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

// TestUmask: folders that become a container's have the modes that systems have.
func TestUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	s := open(t)
	temp, err := s.Temp()
	must(t, err)
	defer temp.Close()
	dir, err := temp.NodeDir("n")
	must(t, err)
	cache, err := s.Cache("apt")
	must(t, err)
	for _, path := range []string{dir, cache} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	must(t, os.Chmod(cache, 0o700))
	if again, err := s.Cache("apt"); err != nil || again != cache {
		t.Errorf("%s, %v", again, err)
	}
	if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("what a container made of it does not stay: %v, %v", info.Mode(), err)
	}
}

// TestLock: two don't make one thing; the lock of who was killed is free.
func TestLock(t *testing.T) {
	s := open(t)
	release, err := s.Lock(context.Background(), "thing", func() { t.Error("nobody else has it") })
	must(t, err)
	free, err := s.Lock(context.Background(), "other", nil)
	must(t, err)
	free()
	ctx, cancel := context.WithTimeout(context.Background(), 3*lockPoll)
	defer cancel()
	told := 0
	if _, err := s.Lock(ctx, "thing", func() { told++ }); !errors.Is(err, context.DeadlineExceeded) || told != 1 {
		t.Errorf("the second: %v, told %d times", err, told)
	}
	go func() {
		time.Sleep(2 * lockPoll)
		release()
	}()
	release2, err := s.Lock(context.Background(), "thing", nil)
	must(t, err)
	release2()
	if left, _ := filepath.Glob(filepath.Join(s.path, "locks", "*")); len(left) > 0 {
		t.Errorf("locks are left: %q", left)
	}
	kill := other(t, s, "lock")
	waiting := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		free, err := s.Lock(context.Background(), "thing", func() { close(waiting) })
		if err == nil {
			free()
		}
		got <- err
	}()
	<-waiting
	kill()
	select {
	case err := <-got:
		must(t, err)
	case <-time.After(testkit.Slow(10 * time.Second)):
		t.Error("the lock of a dead process is still held")
	}
}

// TestLockIsHeldByOne: however many want it, and although its file comes and goes.
func TestLockIsHeldByOne(t *testing.T) {
	s := open(t)
	done := make(chan error)
	inside := make(chan struct{}, 1)
	for range 4 {
		go func() {
			for range 5 {
				free, err := s.Lock(context.Background(), "thing", nil)
				if err != nil {
					done <- err
					return
				}
				select {
				case inside <- struct{}{}:
				default:
					done <- errors.New("two hold one lock")
					return
				}
				<-inside
				free()
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
