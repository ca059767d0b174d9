package supervise_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// stream is one client of the socket, on the level of bytes.
type stream struct {
	t    *testing.T
	r    *running
	conn *net.UnixConn
	in   *bufio.Reader
	last string // the newest state
}

// connect connects a client as soon as the supervisor listens.
func (r *running) connect() *stream {
	r.t.Helper()
	conn := r.raw()
	return &stream{r: r, t: r.t, conn: conn, in: bufio.NewReader(conn)}
}

func (s *stream) send(text string) {
	s.t.Helper()
	if err := s.conn.SetWriteDeadline(time.Now().Add(bound)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(s.conn, text); err != nil {
		s.t.Fatalf("cannot send %.40q: %v", text, err)
	}
}

// command sends an event as agents do.
func (s *stream) command(name string) {
	s.t.Helper()
	s.send("event: " + name + "\n\n")
}

// closeWrite ends what the client says; it still listens.
func (s *stream) closeWrite() {
	s.t.Helper()
	if err := s.conn.CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
}

// event reads one event to its last byte and gives its data. Anything but a
// whole state event in the bytes of the contract is an error.
func (s *stream) event() (string, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(bound)); err != nil {
		return "", err
	}
	var block strings.Builder
	for !strings.HasSuffix(block.String(), "\n\n") {
		line, err := s.in.ReadString('\n')
		block.WriteString(line)
		if err == io.EOF && block.Len() > 0 {
			return "", fmt.Errorf("the stream was cut off after %q", block.String())
		}
		if err != nil {
			return "", err
		}
	}
	data, head := strings.CutPrefix(block.String(), "event: state\ndata: ")
	data = strings.TrimSuffix(data, "\n\n")
	if !head || !wholeState.MatchString(data) {
		return "", fmt.Errorf("not a state of the contract: %q", block.String())
	}
	s.last = data
	return data, nil
}

// wholeState has every key in its place; what a state says comes before the
// figures.
var wholeState = regexp.MustCompile(`^\{"up":(?:true|false),"restarting":(?:true|false),(?:"err":"[^\n]+",)?"container_exit_status":\{` +
	`(?:"exited":true(?:,"exit_status":[1-9][0-9]*)?|"signaled":true,"signal":[1-9][0-9]*|"oomed":true)?\},` +
	`"restarts":[0-9]+,"ooms":[0-9]+,"container_metrics":\{"cpu_time":([0-9]+),"memory_usage":([0-9]+),"memory_limit":([0-9]+)\}\}$`)

// said is a state without its figures.
func said(state string) string {
	before, _, _ := strings.Cut(state, `"container_metrics":`)
	return before
}

func (s *stream) next() string {
	s.t.Helper()
	state, err := s.event()
	if err != nil {
		s.t.Fatalf("no state came: %v (the last was %q)\n%s", err, s.last, s.r.log())
	}
	return state
}

// gets wants these states, each without its figures, one after another and
// nothing in between. A state that is repeated, as at each tick, is passed over.
func (s *stream) gets(states ...string) {
	s.t.Helper()
	for _, want := range states {
		before, got := said(s.last), said(s.next())
		for got == before && got != want {
			got = said(s.next())
		}
		if got != want {
			s.t.Fatalf("got the state %s\nwant          %s\nafter         %s", got, want, before)
		}
	}
}

// finally reads until a state, and fails if it doesn't come or the stream ends
// before it.
func (s *stream) finally(want string) {
	s.t.Helper()
	for deadline := time.Now().Add(bound); said(s.last) != want; {
		if s.next(); time.Now().After(deadline) && said(s.last) != want {
			s.t.Fatalf("the newest state is %s\nwant %s\n%s", s.last, want, s.r.log())
		}
	}
}

// toEnd reads until the end of the stream, which has to come after a whole
// event, and gives the final state.
func (s *stream) toEnd() string {
	s.t.Helper()
	for {
		_, err := s.event()
		// The kernel ends a connection that a killed supervisor had not accepted yet
		// with a reset.
		early := s.last == "" && errors.Is(err, syscall.ECONNRESET) && s.r.killed()
		if err == io.EOF || early {
			return s.last
		} else if err != nil {
			s.t.Fatalf("instead of an end: %v (the last state was %q)\n%s", err, s.last, s.r.log())
		}
	}
}

// ends wants the end of the stream, and this as the final state.
func (s *stream) ends(want string) {
	s.t.Helper()
	if got := said(s.toEnd()); got != want {
		s.t.Errorf("the final state is %s\nwant               %s", got, want)
	}
}

// silent fails if anything but repetitions of the newest state comes.
func (s *stream) silent(during time.Duration) {
	s.t.Helper()
	deadline := time.Now().Add(during)
	for {
		if err := s.conn.SetReadDeadline(deadline); err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.in.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			s.t.Fatalf("the stream ends: %v", err)
		}
		if before, got := said(s.last), said(s.next()); got != before {
			s.t.Fatalf("a state that should not come: %s\nafter %s", got, before)
		}
	}
}

// stateOf says a state without its figures.
func stateOf(up, restarting bool, status string, restarts, ooms int) string {
	return fmt.Sprintf(`{"up":%t,"restarting":%t,"container_exit_status":{%s},"restarts":%d,"ooms":%d,`, up, restarting, status, restarts, ooms)
}

// What a container's end is on the wire.
const (
	exited0  = `"exited":true`
	exited3  = `"exited":true,"exit_status":3`
	byTerm   = `"signaled":true,"signal":15`
	byKill   = `"signaled":true,"signal":9`
	byMemory = `"oomed":true`
)

// States that many tests wait for.
var (
	isUp       = stateOf(true, true, "", 0, 0)
	isStopping = stateOf(true, false, "", 0, 0)
	wasKilled  = stateOf(false, false, byKill, 0, 0)
	wasStopped = stateOf(false, false, byTerm, 0, 0)
)

// policy is an agent.json with a restart policy, and a memory limit where this
// user can have one.
func policy(restart string) string {
	limit := ""
	if testkit.MayMakeCgroups() {
		limit = `, "resources": {"mem": 64}`
	}
	return fmt.Sprintf(`{"env": {"PATH": "/bin"}, "restart": %q%s}`, restart, limit)
}

// deaf is a script that no TERM ends; it says when it has got so far.
const deaf = "trap '' TERM; echo ready; while :; do sleep 1000; done"

// ready waits for a line of the container's output.
func (r *running) ready() {
	r.t.Helper()
	until(r.t, "a container that is ready", func() bool { return strings.Contains(r.output(), "ready\n") })
}
