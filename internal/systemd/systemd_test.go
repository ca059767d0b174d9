package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/testkit/fake"
)

func TestTake(t *testing.T) {
	self, other := strconv.Itoa(os.Getpid()), "1"
	tests := []struct {
		env  map[string]string
		want Manager
	}{
		{nil, Manager{}},
		{map[string]string{"NOTIFY_SOCKET": "/run/n"}, Manager{socket: "/run/n"}},
		{map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "3000000"}, Manager{socket: "@n", ping: 1500 * time.Millisecond}},
		{map[string]string{"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": self}, Manager{ping: 1500 * time.Millisecond}},
		{map[string]string{"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": other}, Manager{}},
		{map[string]string{"WATCHDOG_USEC": "1"}, Manager{ping: time.Millisecond}},
		{map[string]string{"WATCHDOG_USEC": "0"}, Manager{}},
		{map[string]string{"WATCHDOG_USEC": "-5"}, Manager{}},
		{map[string]string{"WATCHDOG_USEC": "soon"}, Manager{}},
		{map[string]string{"WATCHDOG_USEC": "9223372036854775807"}, Manager{}},
		{map[string]string{"WATCHDOG_USEC": "18446744073709551615"}, Manager{}},
		{map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": other, "LISTEN_FDNAMES": "control"}, Manager{}},
		{map[string]string{"LISTEN_FDS": "1"}, Manager{}},
		{map[string]string{"LISTEN_FDS": "x", "LISTEN_PID": self}, Manager{listen: "x"}},
	}
	for _, test := range tests {
		for _, name := range variables {
			t.Setenv(name, test.env[name]) // restored at the end
		}
		if got := Take(); got != test.want {
			t.Errorf("%v: %+v, want %+v", test.env, got, test.want)
		}
		for _, name := range variables {
			if value, ok := os.LookupEnv(name); ok {
				t.Errorf("%v: %s=%s is left", test.env, name, value)
			}
		}
	}
}

func TestOwns(t *testing.T) {
	for name, want := range map[string]bool{
		"NOTIFY_SOCKET": true, "WATCHDOG_USEC": true, "WATCHDOG_PID": true, "LISTEN_PID": true, "LISTEN_PIDFDID": true, "LISTEN_FDS": true, "LISTEN_FDNAMES": true,
		"LISTEN_PORT": false, "WATCHDOG_INTERVAL": false, "NOTIFY": false, "": false,
	} {
		if Owns(name) != want {
			t.Errorf("Owns(%q) is %v", name, !want)
		}
	}
}

func TestBadNumberOfSockets(t *testing.T) {
	for text, want := range map[string]string{"x": "LISTEN_FDS", "-1": "LISTEN_FDS", "99999999999": "LISTEN_FDS", "2": "2 sockets"} {
		if l, err := (Manager{listen: text}).Listener(); l != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"", "0"} {
		if l, err := (Manager{listen: text}).Listener(); l != nil || err != nil {
			t.Errorf("%q: %v, %v", text, l, err)
		}
	}
}

// TestSend: to a manager with a file, and to one with an abstract name
// (unix(7)).
func TestSend(t *testing.T) {
	m := testkit.NewManager(t)
	path := strings.TrimPrefix(m.Env("")[0], "NOTIFY_SOCKET=")
	if err := (Manager{socket: path}).send("READY=1", time.Time{}); err != nil {
		t.Error(err)
	}
	if got := m.Next(time.Minute); got != "READY=1" {
		t.Errorf("told %q", got)
	}
	name := "@lanyard-test-" + strconv.Itoa(os.Getpid())
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := (Manager{socket: name}).send("STATUS=x", time.Time{}); err != nil {
		t.Error(err)
	}
	buffer := make([]byte, 100)
	if n, err := conn.Read(buffer); err != nil || string(buffer[:n]) != "STATUS=x" {
		t.Errorf("told %q, %v", buffer[:n], err)
	}
}

// deaf is a manager whose queue is full.
func deaf(t *testing.T) (*testkit.Manager, Manager) {
	t.Helper()
	m := testkit.NewManager(t)
	m.Fill()
	return m, Manager{socket: strings.TrimPrefix(m.Env("")[0], "NOTIFY_SOCKET=")}
}

// TestManagerThatDoesNotRead: it hinders nothing, and is named once; so is one
// that is not there.
func TestManagerThatDoesNotRead(t *testing.T) {
	_, full := deaf(t)
	if err := full.send("STATUS=again", time.Time{}); err == nil || err.Error() != "nobody reads "+full.socket {
		t.Errorf("it says %v", err)
	}
	for _, socket := range []string{full.socket, filepath.Join(t.TempDir(), "none"), "relative", "@nobody-listens-here"} {
		var said []string
		var cfg supervisor.Config
		told := Manager{socket: socket, ping: time.Hour}.Follow(&cfg, func(text string) { said = append(said, text) })
		endOf(&cfg)
		told()
		if len(said) != 1 || !strings.Contains(said[0], "cannot tell the service manager") {
			t.Errorf("%s: said %q", socket, said)
		}
	}
}

// slack is what a loaded machine may take longer.
func slack() time.Duration { return testkit.Slow(1500 * time.Millisecond) }

// TestPatienceIsOne: however much there is to tell, a manager that does not
// read is waited for once; and again as soon as it has read.
func TestPatienceIsOne(t *testing.T) {
	m, manager := deaf(t)
	said := 0
	s := sender{manager: manager, say: func(string) { said++ }}
	send := func(text string) time.Duration {
		begun := time.Now()
		s.send(text)
		return time.Since(begun)
	}
	if took := send("STATUS=first"); took < patience {
		t.Errorf("the first message was given up after %v", took)
	}
	begun := time.Now()
	for range 10 {
		send("STATUS=more")
	}
	if took := time.Since(begun); took > slack() || said != 1 {
		t.Errorf("ten more took %v, and it was said %d times", took, said)
	}
	m.Rest()
	send("STATUS=read")
	if got := m.Next(time.Minute); got != "STATUS=read" {
		t.Errorf("when it reads again it is told %q", got)
	}
	m.Fill()
	if took := send("STATUS=full"); took < patience {
		t.Errorf("a manager that has read was given up after %v", took)
	}
}

// TestEndIsNotDelayed: by a manager that reads a message now and then no more
// than by one that reads nothing.
func TestEndIsNotDelayed(t *testing.T) {
	m, manager := deaf(t)
	s := sender{manager: manager, say: func(string) {}}
	over := make(chan struct{})
	defer func() { <-over }()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(over)
		for {
			select {
			case <-time.After(patience * 3 / 4):
				m.Next(time.Minute)
			case <-stop:
				return
			}
		}
	}()
	s.send("STATUS=before")
	begun := time.Now()
	s.hurry()
	for range 10 {
		s.send("STATUS=ending")
	}
	if took := time.Since(begun); took > patience+slack() {
		t.Errorf("the end took %v, want %v at most", took, patience)
	}
}

// endOf runs what cfg describes, a group that is told to end before it starts.
func endOf(cfg *supervisor.Config) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	cfg.Group, cfg.Signals = group.Config{Names: []string{"a"}}, signals
	cfg.Engine, cfg.Reporter = &fake.Engine{}, &fake.Reporter{}
	supervisor.Run(*cfg)
}
