package supervise_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/supervise"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// rounds is how often the tests that look for races repeat themselves: the full
// number as root, 3 % of it as an ordinary user, whose containers take a user
// namespace each and so three times as long.
func rounds(t *testing.T, all int) int {
	t.Helper()
	if os.Getenv("LANYARD_ROUNDS") == "" && os.Geteuid() != 0 {
		return max(1, all*3/100)
	}
	return testkit.Rounds(t, all)
}

// over is a final state, however its container came to it.
var over = regexp.MustCompile(`^\{"up":false,"restarting":false,"container_exit_status":\{.*\},"restarts":0,"ooms":0,`)

// lanes runs rounds on a few supervisors at a time, each lane in a directory of
// its own.
func lanes(t *testing.T, all int, restart string, round func(p *place, i int)) {
	const lanes = 4
	for lane := range lanes {
		t.Run(strconv.Itoa(lane), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, policy(restart))
			begun := time.Now()
			n := rounds(t, all) / lanes
			for i := range n {
				round(p, i)
			}
			t.Logf("%d rounds in %v", n, time.Since(begun))
		})
	}
}

// poke sends a signal to a supervisor that may have ended already.
func (r *running) poke(sig syscall.Signal) { _ = r.cmd.Process.Signal(sig) }

// endedFor wants that all clients have got the final state, whole, and exit status 0.
func (r *running) endedFor(clients ...*stream) {
	r.t.Helper()
	for _, s := range clients {
		if last := s.toEnd(); !over.MatchString(last) {
			r.t.Fatalf("the final state is %q\n%s", last, r.log())
		}
		s.conn.Close()
	}
	if code := r.wait(); code != 0 {
		r.t.Fatalf("exit code %d\n%s", code, r.log())
	}
}

// TestContractTermRounds: TERM at different moments, against connected clients.
func TestContractTermRounds(t *testing.T) {
	t.Parallel()
	lanes(t, 1000, "always", func(p *place, i int) {
		command := []string{"sleep", "1000"}
		if i%4 == 3 {
			command = []string{"true"} // TERM comes about its end
		}
		r := p.start(command...)
		s := r.connect()
		clients := []*stream{s}
		if i%4 != 0 { // else about its first start
			s.next()
		}
		if i%4 == 2 {
			clients = append(clients, r.connect())
		}
		r.poke(syscall.SIGTERM)
		r.endedFor(clients...)
	})
}

// TestContractTermTermRounds: two of them, at different moments.
func TestContractTermTermRounds(t *testing.T) {
	t.Parallel()
	lanes(t, 1000, "on-failure", func(p *place, i int) {
		command := []string{"sleep", "1000"}
		if i%2 == 0 {
			command = []string{"sh", "-c", "trap '' TERM; sleep 1000"}
		}
		r := p.start(command...)
		s := r.connect()
		if i%3 != 0 {
			s.next()
		}
		r.poke(syscall.SIGTERM)
		if i%2 == 0 {
			// The kernel makes one of two TERM that are pending together.
			until(p.t, "a message about TERM", func() bool { return strings.Contains(r.errors(), "received SIGTERM") })
		}
		r.poke(syscall.SIGTERM)
		r.endedFor(s)
	})
}

// init registers a supervisor whose restarts wait for nothing; it writes how
// many goroutines it has for each byte that comes on descriptor 3.
func init() {
	roles["restarts"] = func(args []string) int {
		ask, answer := os.NewFile(3, "ask"), os.NewFile(4, "answer")
		go func() {
			for b := make([]byte, 1); ; {
				if _, err := ask.Read(b); err != nil {
					return
				}
				fmt.Fprintln(answer, runtime.NumGoroutine())
			}
		}()
		return supervise.Run(supervise.Options{ID: args[0], Hostname: "box", Args: args[1:]})
	}
}

// holdings is what a supervisor has at a moment.
type holdings struct{ descriptors, threads, goroutines, mounts, cgroups int }

// leastOf gives the smallest of each; of holdings that were never seen it is h.
func (h holdings) leastOf(o holdings) holdings {
	if o == (holdings{}) {
		return h
	}
	return holdings{
		min(h.descriptors, o.descriptors), min(h.threads, o.threads), min(h.goroutines, o.goroutines),
		min(h.mounts, o.mounts), min(h.cgroups, o.cgroups),
	}
}

// TestContractTenThousandRestarts: what a supervisor has stays flat, and it
// counts each run.
func TestContractTenThousandRestarts(t *testing.T) {
	t.Parallel()
	all := rounds(t, 10_000)
	p := newPlace(t, policy("on-failure"))
	p.write("agent.json", fmt.Sprintf(`{"restart": "on-failure", "env": {"PATH": "/bin"}, "storage": {"volumes": {"/v": %q}}}`, p.volume("count")))
	p.must(os.WriteFile(p.base+"/count/runs", []byte("0\n"), 0o666))
	p.must(os.Chmod(p.base+"/count/runs", 0o666))
	asked, ask, err := os.Pipe()
	p.must(err)
	answered, answer, err := os.Pipe()
	p.must(err)
	script := fmt.Sprintf("read n </v/runs; echo $((n+1)) >/v/runs; [ $n = %d ]", all) // its last run succeeds
	r := p.launch(func(cmd *exec.Cmd) {
		cmd.Args = []string{helperName, "restarts", p.id, "sh", "-c", script}
		cmd.ExtraFiles = []*os.File{asked, answer}
	})
	asked.Close()
	answer.Close()
	t.Cleanup(func() { ask.Close(); answered.Close() })
	lines := bufio.NewReader(answered)
	look := func() holdings {
		t.Helper()
		_, err := ask.Write([]byte{0})
		p.must(err)
		line, err := lines.ReadString('\n')
		p.must(err)
		goroutines, err := strconv.Atoi(strings.TrimSpace(line))
		p.must(err)
		pid := r.cmd.Process.Pid
		return holdings{
			entries(t, fmt.Sprintf("/proc/%d/fd", pid)), entries(t, fmt.Sprintf("/proc/%d/task", pid)), goroutines,
			strings.Count(r.read(fmt.Sprintf("/proc/%d/mountinfo", pid)), "\n"), len(cgroupsOf(p.id)),
		}
	}
	s, begun := r.connect(), time.Now()
	var first, last holdings
	next := all / 50 // the first ones warm up
	for number := restarts(t, s.next()); strings.HasPrefix(s.last, `{"up":true,`) || strings.Contains(s.last, `"restarting":true`); number = restarts(t, s.next()) {
		if number < next {
			continue
		}
		next = number + max(1, all/200)
		switch {
		case number < all/5:
			first = look().leastOf(first)
		case number > all-all/5:
			last = look().leastOf(last)
		}
	}
	t.Logf("%d restarts in %v; at first %+v, at last %+v", all, time.Since(begun), first, last)
	if got, want := said(s.last), stateOf(false, false, exited0, all, 0); got != want {
		t.Errorf("the final state is %s\nwant %s", got, want)
	}
	if got := strings.TrimSpace(r.read(p.base + "/count/runs")); got != strconv.Itoa(all+1) {
		t.Errorf("the command ran %s times, want %d", got, all+1)
	}
	// What belongs to one start comes and goes: a leak would be as many as the restarts.
	const few = 5
	if last.descriptors > first.descriptors+few || last.goroutines > first.goroutines+few || last.threads > first.threads+few ||
		last.mounts != first.mounts || last.cgroups != first.cgroups {
		t.Errorf("at first %+v, after %d restarts %+v", first, all, last)
	}
	s.command("exit")
	s.toEnd()
	r.want(0)
}

func entries(t *testing.T, folder string) int {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

var restartsKey = regexp.MustCompile(`"restarts":([0-9]+),`)

// restarts gives how many a state tells of.
func restarts(t *testing.T, state string) int {
	t.Helper()
	n, err := strconv.Atoi(restartsKey.FindStringSubmatch(state)[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
