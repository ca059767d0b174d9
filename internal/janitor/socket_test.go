package janitor_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
)

// TestSockets: a dead socket is removed, whatever its path's length; what else
// stands there, and a socket that somebody serves, is not ours any more.
func TestSockets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	listen := func(name string) *net.UnixListener {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		return l
	}
	listen("dead").Close()
	listen("served")
	// A process that is killed closes its files one after the other.
	dying := listen("dying")
	time.AfterFunc(50*time.Millisecond, func() { dying.Close() })
	touch(t, filepath.Join(dir, "file"), filepath.Join(dir, "folder/file"))
	journal := ""
	for _, name := range []string{"dead", "served", "dying", "file", "folder", "gone", "gone/too", "file/x"} {
		journal += "socket " + filepath.Join(dir, name) + "\n"
	}
	run := folder(t, journal)
	if err := janitor.Clean(run); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"dead": false, "served": true, "dying": false, "file": true, "folder/file": true} {
		if there(filepath.Join(dir, name)) != want {
			t.Errorf("%s is there: %v, want %v", name, !want, want)
		}
	}
}
