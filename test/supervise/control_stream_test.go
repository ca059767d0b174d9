package supervise_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what has to come; nothing here takes
// that long.
const patience = 20 * time.Second

// stream is one client of the socket, on the level of bytes.
type stream struct {
	t    testing.TB
	conn *net.UnixConn
	in   *bufio.Reader
	last string // the newest state
}

// dial connects to the socket in dir, whose path may be of any length.
func dial(dir string) (*net.UnixConn, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	name := fmt.Sprintf("/proc/self/fd/%d/control", folder.Fd())
	for {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
		if !errors.Is(err, unix.EAGAIN) { // EAGAIN: many connect at once
			return conn, err
		}
		time.Sleep(time.Millisecond)
	}
}

// connect connects to the supervisor of dir, as soon as there is one.
func connect(t testing.TB, dir string) *stream {
	t.Helper()
	var conn *net.UnixConn
	within(t, patience, "a socket in "+dir, func() bool {
		var err error
		conn, err = dial(dir)
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return &stream{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// within polls a condition, and fails after limit.
func within(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func (s *stream) send(text string) {
	s.t.Helper()
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
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
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
		s.t.Fatalf("no state came: %v (the last was %q)", err, s.last)
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

// finally reads until a state, and fails if the stream ends before it.
func (s *stream) finally(want string) {
	s.t.Helper()
	for said(s.last) != want {
		s.next()
	}
}

// toEnd reads until the end of the stream, which has to come after a whole
// event, and gives the final state.
func (s *stream) toEnd() string {
	s.t.Helper()
	for {
		if _, err := s.event(); err == io.EOF {
			return s.last
		} else if err != nil {
			s.t.Fatalf("instead of an end: %v (the last state was %q)", err, s.last)
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

// state says a state without its figures.
func state(up, restarting bool, status string, restarts, ooms int) string {
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
	running  = state(true, true, "", 0, 0)
	stopping = state(true, false, "", 0, 0)
	killed   = state(false, false, byKill, 0, 0)
	stopped  = state(false, false, byTerm, 0, 0)
)

// socketIn is the path of the socket.
func socketIn(dir string) string { return filepath.Join(dir, "control") }
