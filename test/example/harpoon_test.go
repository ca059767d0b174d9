//go:build example

package example_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

const restartDelay = time.Second // between an exit and the restart

var (
	bySignal = client.ExitStatus{Signaled: true, Signal: int(syscall.SIGKILL)}
	byItself = client.ExitStatus{Exited: true}
)

// TestHarpoon is what the example's README walks through: a watcher sees all
// that becomes of Redis, while others say what to do with it.
func TestHarpoon(t *testing.T) {
	r := newRedis(t)
	r.start()
	w := r.watch()
	first := w.sees("it is up", func(s client.State) bool { return s.Up })
	if !first.Restarting || first.Restarts != 0 || first.ExitStatus != (client.ExitStatus{}) {
		t.Errorf("the first state is %+v", first)
	}
	if os.Geteuid() == 0 && first.Metrics.MemoryLimit != 64<<20 {
		t.Errorf("the memory limit is %d, want the 64 MiB of agent.json", first.Metrics.MemoryLimit)
	}
	r.answers("PING", "+PONG")
	r.answers("SET boat afloat", "+OK")

	killed := time.Now()
	if err := syscall.Kill(r.process().pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.sees("it was killed and comes back", func(s client.State) bool {
		return !s.Up && s.Restarting && s.ExitStatus == bySignal && s.Restarts == 0
	})
	w.sees("it is back", func(s client.State) bool { return s.Up && s.Restarts == 1 })
	if took := time.Since(killed); took < restartDelay {
		t.Errorf("it was restarted %v after its end, want at least %v", took, restartDelay)
	}
	r.answers("GET boat", "afloat") // from its volume

	if states := r.send(client.EventExit); !states[len(states)-1].Up {
		t.Errorf("exit did something while Redis was up: %+v", states)
	}
	r.answers("PING", "+PONG")

	states := r.send(client.EventStop)
	if last := states[len(states)-1]; !last.Finished() || last.ExitStatus != byItself {
		t.Errorf("whoever stopped it has at last seen %+v", last)
	}
	w.sees("it has stopped", func(s client.State) bool { return s.Finished() && s.ExitStatus == byItself })
	closed(t, r.port)

	r.send(client.EventExit)
	w.ends()
	r.ends()
}

// TestHarpoonKill kills Redis through the socket: that is final, although the
// restart policy is on-failure. What Redis has written is there for the next
// supervisor in the same directory, which TERM ends.
func TestHarpoonKill(t *testing.T) {
	r := newRedis(t)
	r.start()
	r.answers("SET boat afloat", "+OK")
	killed := time.Now()
	states := r.send(client.EventKill)
	if last := states[len(states)-1]; !last.Finished() || last.ExitStatus != bySignal {
		t.Errorf("whoever killed it has at last seen %+v", last)
	}
	w := r.watch()
	w.sees("it is down", client.State.Finished)
	later := w.sees("a state after a restart would be over", func(client.State) bool { return time.Since(killed) > 2*restartDelay })
	if !later.Finished() || later.Restarts != 0 {
		t.Errorf("it was restarted after a kill: %+v", later)
	}
	r.send(client.EventExit)
	w.ends()
	r.ends()

	r.start()
	r.answers("GET boat", "afloat")
	w = r.watch()
	w.sees("it is up again", func(s client.State) bool { return s.Up && s.Restarts == 0 })
	r.app.signal(syscall.SIGTERM)
	w.sees("the final state", func(s client.State) bool { return s.Finished() && s.ExitStatus == byItself })
	w.ends()
	r.ends()
}

// TestHarpoonLost kills the supervisor, which can't tell anybody any more.
func TestHarpoonLost(t *testing.T) {
	r := newRedis(t)
	r.start()
	w := r.watch()
	w.sees("it is up", func(s client.State) bool { return s.Up })
	r.app.signal(syscall.SIGKILL)
	w.ends()
	vanishes(t, r.remains)
}

// redis is the example's service, in a directory of the test's own.
type redis struct {
	t             *testing.T
	dir, port, id string
	app           *app // the supervisor that runs or was last
	started       []process
}

func newRedis(t *testing.T) *redis {
	t.Helper()
	build(t, harpoonDir(t))
	return &redis{t: t, dir: t.TempDir(), port: freePorts(t, 1)[0], id: "example-" + strings.ToLower(rand.Text())}
}

// build builds the root of the example in dir with its script.
func build(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildWithin)
	defer cancel()
	build := exec.CommandContext(ctx, filepath.Join(dir, "build-root"))
	// A group of its own, because a timeout has to end mmdebstrap too.
	build.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	build.Cancel = func() error { return syscall.Kill(-build.Process.Pid, syscall.SIGTERM) }
	build.WaitDelay = endWithin
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build.Path, err, out)
	}
}

func harpoonDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../examples/harpoon")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// answers sends Redis a command, until it answers with the wanted text.
func (r *redis) answers(command, want string) {
	r.t.Helper()
	r.app.poll(command, func() error {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", r.port), time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
			return err
		}
		got := ""
		for !strings.Contains(got, want) {
			buffer := make([]byte, 512)
			n, err := conn.Read(buffer)
			if err != nil {
				return fmt.Errorf("%w after the answer %q, want %q", err, got, want)
			}
			got += string(buffer[:n])
		}
		return nil
	})
}

// process is Redis itself, as ps shows it.
func (r *redis) process() process {
	r.t.Helper()
	found := processes(r.t, func(p process) bool { return strings.HasPrefix(p.args[0], "redis-server 127.0.0.1:"+r.port) })
	if len(found) != 1 {
		r.t.Fatalf("processes of Redis at port %s: %v, want one", r.port, found)
	}
	return found[0]
}

// ends waits for the supervisor's orderly exit: nothing is left from that
// moment on but what clients know a started container by.
func (r *redis) ends() {
	r.t.Helper()
	r.app.ends(0)
	if left := r.remains(); len(left) > 0 {
		r.t.Errorf("the supervisor has ended and left %v", left)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "container.json"))
	if err != nil || !strings.Contains(string(data), `"ociVersion"`) || !strings.Contains(string(data), "redis-server") {
		r.t.Errorf("container.json: %v, %s", err, data)
	}
}
