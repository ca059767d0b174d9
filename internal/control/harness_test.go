package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// bound is more than anything here takes.
const bound = 20 * time.Second

var (
	up       = client.State{Up: true, Restarting: true}
	stopping = client.State{Up: true}
	down     = client.State{ExitStatus: client.ExitStatus{Signaled: true, Signal: 15}}
)

// inFolder makes a new folder the working directory, and fails the test if
// goroutines or descriptors are left at its end.
func inFolder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	// The first socket of a process starts what watches all of them.
	warm, err := net.Listen("unix", "warm")
	must(t, err)
	warm.Close()
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	t.Cleanup(func() {
		eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
		eventually(t, "all descriptors are closed", func() bool { return descriptors(t) <= files })
	})
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// listen makes a server in the working directory.
func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen()
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// serve makes a server in a new folder. What it is told arrives in commands,
// and takes effect in the version that answer gives; in none if that is nil.
func serve(t *testing.T, answer <-chan uint64) (s *Server, commands chan Command) {
	t.Helper()
	inFolder(t)
	s, commands = listen(t), make(chan Command, 1000)
	s.Serve(func(c Command) <-chan uint64 {
		commands <- c
		return answer
	})
	return s, commands
}

// at is the answer to a command that takes effect in a version.
func at(version uint64) <-chan uint64 {
	c := make(chan uint64, 1)
	c <- version
	return c
}

// visitor is a client that knows nothing but bytes.
type visitor struct {
	*net.UnixConn
	t  *testing.T
	in *bufio.Reader
}

func visit(t *testing.T) *visitor {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: file, Net: "unix"})
	must(t, err)
	must(t, conn.SetDeadline(time.Now().Add(bound)))
	t.Cleanup(func() { conn.Close() })
	return &visitor{UnixConn: conn, t: t, in: bufio.NewReader(conn)}
}

func (v *visitor) send(text string) {
	v.t.Helper()
	_, err := v.Write([]byte(text))
	must(v.t, err)
}

// event reads one event, which has to be whole.
func (v *visitor) event() (client.State, error) {
	var state client.State
	name, err := v.in.ReadString('\n')
	if err != nil {
		if name != "" {
			err = errors.New("cut off after " + name)
		}
		return state, err
	}
	data, err := v.in.ReadString('\n')
	if err != nil {
		return state, errors.New("cut off after " + name + data)
	}
	blank, err := v.in.ReadString('\n')
	text, ok := strings.CutPrefix(data, "data: ")
	if err != nil || name != "event: state\n" || !ok || blank != "\n" {
		return state, errors.New("no event: " + name + data + blank)
	}
	return state, json.Unmarshal([]byte(text), &state)
}

// gets wants these states to come next.
func (v *visitor) gets(states ...client.State) {
	v.t.Helper()
	for _, want := range states {
		state, err := v.event()
		if err != nil || state != want {
			v.t.Fatalf("a client got %+v, %v; want %+v", state, err, want)
		}
	}
}

// ends wants the end of the stream.
func (v *visitor) ends() {
	v.t.Helper()
	if state, err := v.event(); err != io.EOF {
		v.t.Fatalf("a client got %+v, %v; want the end of the stream", state, err)
	}
}

// told wants these commands to have come.
func told(t *testing.T, commands <-chan Command, want ...Command) {
	t.Helper()
	for i, w := range want {
		select {
		case c := <-commands:
			if c != w {
				t.Fatalf("command %d is %q, want %q", i, c, w)
			}
		case <-time.After(bound):
			t.Fatalf("command %d of %q did not come", i, want)
		}
	}
}

// eventually waits for what has no event of its own.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%s: not within %v\n%s", what, bound, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func (s *Server) clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deepFolder makes a folder whose path is too long for a socket's address.
func deepFolder(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	must(t, os.MkdirAll(dir, 0o755))
	return dir
}
