package control

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// leave makes a socket that nobody listens on.
func leave(t *testing.T) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: file, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
}

func TestListenTakesOverADeadSocket(t *testing.T) {
	inFolder(t)
	leave(t)
	s := listen(t)
	s.Serve(func(Command) <-chan uint64 { return at(1) })
	s.Publish(1, up)
	visit(t).gets(up)
}

func TestListenRefusesALiveSocket(t *testing.T) {
	inFolder(t)
	s := listen(t)
	for _, when := range []string{"before Serve", "after Serve"} {
		_, err := Listen()
		var used *InUseError
		if !errors.As(err, &used) || used.PID != os.Getpid() {
			t.Errorf("%s: %v; want an InUseError with pid %d", when, err, os.Getpid())
		}
		if when == "before Serve" {
			s.Serve(func(Command) <-chan uint64 { return at(1) })
		}
	}
	s.Publish(1, up)
	visit(t).gets(up)
}

func TestListenNamesWhatIsInTheWay(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) error{
		"file":      func(*testing.T) error { return os.WriteFile(file, []byte("x"), 0o600) },
		"directory": func(*testing.T) error { return os.Mkdir(file, 0o700) },
		"link":      func(*testing.T) error { return os.Symlink("nowhere", file) },
		"link to a socket": func(t *testing.T) error {
			l, err := net.Listen("unix", "elsewhere")
			if err == nil {
				t.Cleanup(func() { l.Close() })
				err = os.Symlink("elsewhere", file)
			}
			return err
		},
		"pipe": func(*testing.T) error { return unix.Mkfifo(file, 0o666) },
		"datagram socket": func(t *testing.T) error {
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: file, Net: "unixgram"})
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFolder(t)
			must(t, make(t))
			s, err := Listen()
			if err == nil {
				s.Close()
			}
			var used *InUseError
			if err == nil || errors.As(err, &used) || !strings.Contains(err.Error(), "control") {
				t.Errorf("error %v, want one that names control", err)
			}
			if !exists(file) {
				t.Error("what was in the way is gone")
			}
		})
	}
}

func TestListenInAFolderThatMayNotBeWritten(t *testing.T) {
	testkit.Require(t, testkit.User)
	inFolder(t)
	must(t, os.Chmod(".", 0o555))
	_, err := Listen()
	if want := "cannot make the socket control in the working directory: bind: permission denied"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	must(t, os.Chmod(".", 0o755))
}

func TestSocketIsItsOwnersFromTheStart(t *testing.T) {
	inFolder(t)
	defer unix.Umask(unix.Umask(0))
	listen(t)
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, want a socket with 0600", info.Mode())
	}
}

func TestLongPath(t *testing.T) {
	inFolder(t)
	t.Chdir(deepFolder(t))
	s := listen(t)
	s.Serve(func(Command) <-chan uint64 { return at(1) })
	s.Publish(1, up)
	visit(t).gets(up)
	s.Close()
	if exists(file) {
		t.Error("control is left")
	}
}

// Many start in the same moment where a dead one has left its socket: one of
// them must win, and keep it.
func TestListenRace(t *testing.T) {
	inFolder(t)
	for range 50 {
		leave(t)
		var (
			won  atomic.Pointer[Server]
			wins atomic.Int32
			all  sync.WaitGroup
		)
		for range 8 {
			all.Go(func() {
				s, err := Listen()
				var used *InUseError
				switch {
				case err == nil:
					won.Store(s)
					wins.Add(1)
				case !errors.As(err, &used):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 {
			t.Fatalf("%d of 8 have the socket, want 1", wins.Load())
		}
		won.Load().Close()
		if exists(file) {
			t.Fatal("control is left")
		}
	}
}

func TestCloseLeavesAnothersSocket(t *testing.T) {
	inFolder(t)
	first := listen(t)
	must(t, os.Remove(file))
	second := listen(t)
	first.Close()
	second.Serve(func(Command) <-chan uint64 { return at(1) })
	second.Publish(1, up)
	visit(t).gets(up)
}

// asNobody runs f in a thread of another user, which ends with it.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	const nobody = 54321
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
		if errno != 0 {
			done <- errno
			return
		}
		f()
		done <- nil
	}()
	must(t, <-done)
}

func TestAnotherUser(t *testing.T) {
	testkit.Require(t, testkit.Root)
	s, _ := serve(t, at(1))
	s.Publish(1, up)
	must(t, os.Chmod(".", 0o755))
	asNobody(t, func() {
		if _, err := net.Dial("unix", file); !errors.Is(err, unix.EACCES) {
			t.Errorf("connecting to a socket of root: %v, want %v", err, unix.EACCES)
		}
		_, err := Listen()
		var used *InUseError
		if !errors.As(err, &used) || used.PID != 0 {
			t.Errorf("listening beside root: %v, want an InUseError", err)
		}
	})
	must(t, os.Chmod(file, 0o666))
	asNobody(t, func() {
		conn, err := net.Dial("unix", file)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("another user got %d bytes, %v; want the end", n, err)
		}
	})
	visit(t).gets(up)
}
