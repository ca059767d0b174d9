package linux_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// tree makes files (ending in "/": folders, with " -> ": links) in a new folder
// and opens it.
func tree(t *testing.T, entries ...string) (string, int) {
	t.Helper()
	dir := t.TempDir()
	for _, entry := range entries {
		name, target, isLink := strings.Cut(entry, " -> ")
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(target, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return dir, fd
}

func TestResolve(t *testing.T) {
	_, root := tree(t, "etc/hosts", "abs -> /etc", "up -> ../../../../etc", "deep/er/link -> ../../etc/hosts",
		"etc/resolv.conf -> ../run/systemd/stub", "dangling -> /nowhere/x", "loop1 -> loop2", "loop2 -> /loop1",
		"self -> self/x", "proc -> /host/proc", "out -> /work/../etc", "chain1 -> chain2", "chain2 -> abs", "dot -> .", "slash -> /")
	stop := func(real string) bool { return real == "/run" || real == "/work" || real == "/proc" }
	for path, want := range map[string]string{
		"":                     "/",
		"/":                    "/",
		"/etc/hosts":           "/etc/hosts",
		"etc/.//../etc//hosts": "/etc/hosts",
		"/abs/hosts":           "/etc/hosts",
		"/up/hosts":            "/etc/hosts",
		"/chain1/hosts":        "/etc/hosts",
		"/dot/dot/slash/abs":   "/etc",
		"/deep/er/link":        "/etc/hosts",
		"/../../..":            "/",
		"/../../etc":           "/etc",
		"/missing/a/../b":      "/missing/b",
		"/missing/../../../b":  "/b",
		"/etc/new":             "/etc/new",
		"/dangling/y":          "/nowhere/x/y",
		"/etc/hosts/below":     "/etc/hosts/below",
		"/etc/resolv.conf":     "/run/systemd/stub",
		"/proc/self":           "/proc/self",
		"/work/a/../b":         "/work/b",
		"/work/../etc/hosts":   "/etc/hosts",
		"/work/x/../../abs":    "/etc",
		"/out/hosts":           "/etc/hosts",
	} {
		got, err := linux.Resolve(root, path, stop)
		if err != nil || got != want {
			t.Errorf("Resolve(%q) = %q, %v; want %q", path, got, err, want)
		}
	}
	for _, path := range []string{"/loop1", "/loop2/x", "/self"} {
		if got, err := linux.Resolve(root, path, stop); err != syscall.ELOOP {
			t.Errorf("Resolve(%q) = %q, %v; want ELOOP", path, got, err)
		}
	}
	if _, err := linux.Resolve(root, "/"+strings.Repeat("x", 300), stop); err != syscall.ENAMETOOLONG {
		t.Errorf("a name of 300 bytes gives %v", err)
	}
}

// TestResolveLikeTheKernel holds Resolve against openat2 in random trees.
func TestResolveLikeTheKernel(t *testing.T) {
	never := func(string) bool { return false }
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		word := func() string { return []string{"a", "b", "c", "..", "."}[rnd.IntN(5)] }
		random := func() string {
			parts := make([]string, 1+rnd.IntN(4))
			for i := range parts {
				parts[i] = word()
			}
			return strings.Repeat("/", rnd.IntN(2)) + strings.Join(parts, "/")
		}
		dir, root := tree(t, "a/", "a/b/", "b/f")
		for range 6 {
			name := filepath.Join(dir, filepath.Join("/", random()), fmt.Sprintf("%c", 'a'+rnd.IntN(3)))
			if real, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil && strings.HasPrefix(real, dir) {
				_ = os.Symlink(random(), name)
			}
		}
		for range 40 {
			path := random()
			want, err := linux.OpenInRoot(root, path, unix.O_PATH)
			if err != nil {
				continue
			}
			real, rerr := linux.Resolve(root, path, never)
			got := -1
			if rerr == nil {
				got, rerr = linux.OpenPlain(root, filepath.Join(".", real), unix.O_PATH)
			}
			if rerr != nil || !same(t, want, got) {
				t.Fatalf("seed %d: Resolve(%q) = %q, %v; the kernel finds something else in %s", seed, path, real, rerr, dir)
			}
			unix.Close(want)
			unix.Close(got)
		}
	}
}

func same(t *testing.T, a, b int) bool {
	t.Helper()
	var x, y unix.Stat_t
	if err := errors.Join(unix.Fstat(a, &x), unix.Fstat(b, &y)); err != nil {
		t.Fatal(err)
	}
	return x.Dev == y.Dev && x.Ino == y.Ino
}

func TestOpen(t *testing.T) {
	_, dir := tree(t, "d/f", "abs -> /d/f", "up -> ../../d/f", "in -> d/f", "magic -> /proc/self/exe")
	type opener func(int, string, int) (int, error)
	for _, c := range []struct {
		name string
		open opener
		path string
		want error
	}{
		{"in root", linux.OpenInRoot, "abs", nil},
		{"in root", linux.OpenInRoot, "up", nil},
		{"in root", linux.OpenInRoot, "../../d/f", nil},
		{"in root", linux.OpenInRoot, "/d/f", nil},
		{"in root", linux.OpenInRoot, "magic", syscall.ENOENT},
		{"beneath", linux.OpenBeneath, "in", nil},
		{"beneath", linux.OpenBeneath, "abs", syscall.EXDEV},
		{"beneath", linux.OpenBeneath, "up", syscall.EXDEV},
		{"beneath", linux.OpenBeneath, "/d/f", syscall.EXDEV},
		{"beneath", linux.OpenBeneath, "../x", syscall.EXDEV},
		{"plain", linux.OpenPlain, "d/f", nil},
		{"plain", linux.OpenPlain, "in", syscall.ELOOP},
		{"plain", linux.OpenPlain, "../x", syscall.EXDEV},
		{"plain", linux.OpenPlain, "d/none", syscall.ENOENT},
	} {
		fd, err := c.open(dir, c.path, unix.O_RDONLY)
		if err != c.want {
			t.Errorf("%s: opening %s gives %v, want %v", c.name, c.path, err, c.want)
		}
		if err == nil {
			if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s: %s is not close-on-exec", c.name, c.path)
			}
			unix.Close(fd)
		}
	}
}

// TestOpenUnderAttack swaps a folder for a link to the outside meanwhile.
func TestOpenUnderAttack(t *testing.T) {
	outside, _ := tree(t, "f")
	dir, root := tree(t, "d/f", "link -> "+outside)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		a, b := filepath.Join(dir, "d"), filepath.Join(dir, "link")
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	}()
	victim, err := unix.Open(filepath.Join(outside, "f"), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(victim)
	for range 3000 {
		for _, open := range []func(int, string, int) (int, error){linux.OpenInRoot, linux.OpenBeneath, linux.OpenPlain} {
			fd, err := open(root, "d/f", unix.O_PATH)
			if err != nil {
				continue
			}
			if same(t, fd, victim) {
				t.Error("it led outside")
			}
			unix.Close(fd)
		}
	}
	close(stop)
	<-done
}

func TestReadAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 20000), 0o600); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]error{20000: nil, 19999: syscall.EFBIG} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := linux.ReadAll(int(f.Fd()), limit)
		if err != want || (err == nil && len(data) != 20000) {
			t.Errorf("limit %d: %d bytes, %v", limit, len(data), err)
		}
		f.Close()
	}
}

func TestStepError(t *testing.T) {
	for want, e := range map[string]*linux.StepError{
		"mount /proc: operation not permitted: do this": {Step: "mount", Path: "/proc", Errno: syscall.EPERM, Detail: "do this"},
		"fork: resource temporarily unavailable":        linux.Fail("fork", "", syscall.EAGAIN),
		"read f: strange":                               linux.Fail("read", "f", errors.New("strange")),
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
	if !errors.Is(linux.Fail("open", "x", syscall.ENOENT), os.ErrNotExist) {
		t.Error("a StepError does not unwrap to its errno")
	}
}
