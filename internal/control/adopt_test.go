package control

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// owned is a socket control that somebody else has made, as a service manager
// does, who passes it on.
func owned(t *testing.T) *net.UnixListener {
	t.Helper()
	owner, err := net.ListenUnix("unix", &net.UnixAddr{Name: file, Net: "unix"})
	must(t, err)
	t.Cleanup(func() { owner.Close() })
	must(t, os.Chmod(file, 0o666)) // systemd's default
	return owner
}

// passed is the descriptor that a service has of it.
func passed(t *testing.T, owner *net.UnixListener) *net.UnixListener {
	t.Helper()
	f, err := owner.File()
	must(t, err)
	defer f.Close()
	l, err := net.FileListener(f)
	must(t, err)
	return l.(*net.UnixListener)
}

// TestAdopt: an adopted socket is served as one of our own, and is its owner's
// before, after and meanwhile.
func TestAdopt(t *testing.T) {
	inFolder(t)
	owner := owned(t)
	before, err := os.Lstat(file)
	must(t, err)
	early := visit(t) // before there is a server
	for range 3 {
		s := Adopt(passed(t, owner))
		s.Serve(func(Command) <-chan uint64 { return at(1) })
		s.Publish(1, up)
		late := visit(t)
		for _, v := range []*visitor{early, late} {
			if state, err := v.event(); err != nil || state != up {
				t.Errorf("%+v, %v", state, err)
			}
		}
		s.Publish(2, down)
		s.Close()
		for _, v := range []*visitor{early, late} {
			if state, err := v.event(); err != nil || state != down {
				t.Errorf("%+v, %v", state, err)
			}
			if _, err := v.event(); err == nil {
				t.Error("the stream goes on after Close")
			}
		}
		after, err := os.Lstat(file)
		if err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
			t.Errorf("after Close: %v, %v; before %v", after, err, before)
		}
		early = visit(t) // waits for the next server
	}
}

// TestAdoptedSocketIsNotTakenOver: who makes its socket itself sees that this
// one is served, also while its service is not running.
func TestAdoptedSocketIsNotTakenOver(t *testing.T) {
	inFolder(t)
	owned(t)
	if s, err := Listen(); err == nil {
		s.Close()
		t.Error("a socket of somebody who listens was taken over")
	}
}

// TestAdoptElsewhere: the socket may have any path.
func TestAdoptElsewhere(t *testing.T) {
	inFolder(t)
	path := filepath.Join(t.TempDir(), "s")
	owner, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	defer owner.Close()
	s := Adopt(passed(t, owner))
	s.Serve(func(Command) <-chan uint64 { return at(1) })
	s.Close()
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("there is a file control: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}
