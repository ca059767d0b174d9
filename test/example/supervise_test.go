//go:build example

package example_test

import (
	"crypto/rand"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// seenWithin is for whatever a supervisor tells: it repeats itself every 3 s.
const seenWithin = 20 * time.Second

// start runs the example, and waits until the supervisor answers.
func (r *redis) start() {
	r.t.Helper()
	mark := "MARK=" + rand.Text()
	cmd := exec.Command(filepath.Join(harpoonDir(r.t), "run"))
	cmd.Env = append(os.Environ(), mark, "LANYARD="+lanyardBinary(r.t),
		"RUN_DIR="+r.dir, "REDIS_PORT="+r.port, "ID="+r.id, "MEM=", "CPU=")
	r.app = launch(r.t, cmd, mark)
	r.answers("PING", "+PONG")
	r.started = below(r.t, cmd.Process.Pid)
	// A test that doesn't see them now would not see that they are left.
	if found := r.remains(); len(r.started) < 4 || len(found) <= len(r.started) {
		r.t.Fatalf("a running supervisor with janitor, PID 1 and Redis looks like %v", found)
	}
}

// remains gives all that is there of the service outside its directory, and of
// the directory what should be there no longer than the supervisor: processes
// that start has found, the port, the socket, cgroups, and mounts wherever a
// process still sees them.
func (r *redis) remains() []string {
	r.t.Helper()
	found := still(r.t, r.started)
	if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", r.port)); err == nil {
		conn.Close()
		found = append(found, "port "+r.port)
	}
	for _, pattern := range []string{filepath.Join(r.dir, "control"), "/sys/fs/cgroup/harpoon/" + r.id, "/sys/fs/cgroup/*/harpoon/" + r.id} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			r.t.Fatal(err)
		}
		found = append(found, files...)
	}
	return append(found, mounted(r.t, r.dir)...)
}

// send sends an event as a person would, and gives what it has seen when the
// connection was closed: at least one state.
func (r *redis) send(event string) []client.State {
	r.t.Helper()
	line := `printf "event: ` + event + `\n\n" | socat UNIX-CONNECT:./control -`
	cmd := exec.Command("timeout", "15", "sh", "-c", line)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	states := states(r, string(out))
	if len(states) == 0 {
		r.t.Fatalf("%s has seen no state", line)
	}
	return states
}

// states reads what a supervisor has sent, except for an event that is not
// complete yet.
func states(r *redis, text string) []client.State {
	r.t.Helper()
	events := strings.SplitAfter(text, "\n\n")
	var list []client.State
	for _, event := range events[:len(events)-1] {
		data, ok := strings.CutPrefix(event, "event: state\ndata: ")
		var s client.State
		if err := json.Unmarshal([]byte(data), &s); !ok || err != nil {
			r.t.Fatalf("not the event of a state (%v): %q", err, event)
		}
		list = append(list, s)
	}
	return list
}

// watcher is a person who looks at the control socket in a terminal.
type watcher struct {
	r    *redis
	out  testkit.Buffer
	seen int // states that sees has looked at
}

// gone is what a watcher's terminal shows once the supervisor has hung up.
const gone = "socat has ended: "

func (r *redis) watch() *watcher {
	r.t.Helper()
	w := &watcher{r: r}
	cmd := exec.Command("sh", "-c", `sleep infinity | (socat UNIX-CONNECT:./control -; echo "`+gone+`$?")`)
	cmd.Dir = r.dir
	cmd.Stdout, cmd.Stderr = &w.out, &w.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to end all of them
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	return w
}

// sees waits for a state that it hasn't looked at, and gives it.
func (w *watcher) sees(what string, is func(client.State) bool) client.State {
	w.r.t.Helper()
	for deadline := time.Now().Add(seenWithin); time.Now().Before(deadline); time.Sleep(pollEvery) {
		text, _, _ := strings.Cut(w.out.String(), gone)
		list := states(w.r, text)
		for ; w.seen < len(list); w.seen++ {
			if s := list[w.seen]; is(s) {
				w.seen++
				return s
			}
		}
	}
	w.r.t.Fatalf("%s: the watcher has not seen that within %v, but\n%s", what, seenWithin, w.out.String())
	return client.State{}
}

// ends waits until the supervisor has hung up, between two states.
func (w *watcher) ends() {
	w.r.t.Helper()
	for deadline := time.Now().Add(seenWithin); time.Now().Before(deadline); time.Sleep(pollEvery) {
		if text, rest, ended := strings.Cut(w.out.String(), gone); ended && rest != "" {
			if want := "0\n"; rest != want || !strings.HasSuffix(text, "\n\n") {
				w.r.t.Errorf("socat's exit status is %q, want %q, after\n%s", rest, want, text)
			}
			return
		}
	}
	w.r.t.Errorf("the watcher is still connected after %v:\n%s", seenWithin, w.out.String())
}
