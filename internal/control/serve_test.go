package control

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// The samples of the protocol, byte for byte, as a client reads them.
func TestWire(t *testing.T) {
	s, _ := serve(t, at(1))
	v := visit(t)
	for i, c := range []struct {
		state client.State
		want  string
	}{
		{client.State{Up: true, Restarting: true, Metrics: client.Metrics{CPUTime: 2584516, MemoryUsage: 479232, MemoryLimit: 67108864}},
			`{"up":true,"restarting":true,"container_exit_status":{},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":2584516,"memory_usage":479232,"memory_limit":67108864}}`},
		{client.State{Err: `no "a" <b> & c`, Metrics: client.Metrics{MemoryLimit: 9223372036854771712}},
			`{"up":false,"restarting":false,"err":"no \"a\" \u003cb\u003e \u0026 c","container_exit_status":{},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":0,"memory_usage":0,"memory_limit":9223372036854771712}}`},
	} {
		s.Publish(uint64(i+1), c.state)
		want := "event: state\ndata: " + c.want + "\n\n"
		got := make([]byte, len(want))
		if _, err := io.ReadFull(v, got); err != nil || string(got) != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	s.Close()
	if rest, err := io.ReadAll(v); err != nil || len(rest) > 0 {
		t.Errorf("after the last state: %q, %v; want the end", rest, err)
	}
}

func TestLongErrFitsIntoALine(t *testing.T) {
	event := encode(client.State{Err: strings.Repeat("<é", 100_000)})
	if len(event) > 60<<10 || !strings.HasSuffix(string(event), "}}\n\n") {
		t.Errorf("an event of %d bytes that ends in %q", len(event), event[len(event)-10:])
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Command
	}{
		{"in order", "event: stop\n\nevent: stop\n\nevent: kill\n\n", []Command{Stop, Stop, Kill}},
		{"exit", "event: exit\n\n", []Command{Exit}},
		{"as some send it", "\ufeffid: 1\r\nretry: 5\r\ndata\r\ndata: x\r\nevent:stop\r\n\r\n", []Command{Stop}},
		{"the last name", "event: kill\nevent: stop\n\n", []Command{Stop}},
		{"what is no command", "event: Stop\n\nevent:  stop\n\nevent: stop \n\nevent: state\n\nstop\n\n:\n\n\xff\xfe\n\n", nil},
		{"a comment of one colon", "event: stop\n:\nevent: kill\n\n", []Command{Kill}},
		{"a megabyte without newline", strings.Repeat("event: stop", 100_000) + "\n\nevent: kill\n\n", []Command{Kill}},
		{"a megabyte of data", "event: stop\n" + strings.Repeat("data: stop\n", 100_000) + "\n", []Command{Stop}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, commands := serve(t, at(1))
			v := visit(t)
			v.send(c.text)
			v.send("event: exit\n\n") // after which all others have come
			told(t, commands, append(slices.Clone(c.want), Exit)...)
		})
	}
}

func TestCommandByteByByte(t *testing.T) {
	_, commands := serve(t, at(1))
	v := visit(t)
	for _, b := range []byte("event: stop\r\n\r\nevent: kill\n\n") {
		v.send(string(b))
	}
	told(t, commands, Stop, Kill)
}

func TestHalfAnEventIsNone(t *testing.T) {
	s, commands := serve(t, at(1))
	v := visit(t)
	v.send("event: kill\n")
	must(t, v.Close())
	eventually(t, "the client is gone", func() bool { return s.clients() == 0 })
	if len(commands) > 0 {
		t.Errorf("half an event is %q", <-commands)
	}
}

// A command of a client that doesn't wait for anything counts.
func TestCommandOfOneWhoLeaves(t *testing.T) {
	s, commands := serve(t, at(1))
	s.Publish(1, up)
	v := visit(t)
	v.send("event: stop\n\n")
	must(t, v.Close()) // with a state unread
	told(t, commands, Stop)
	eventually(t, "the client is gone", func() bool { return s.clients() == 0 })
}

func TestNothingIsSentBeforeTheFirstState(t *testing.T) {
	s, commands := serve(t, at(1))
	v := visit(t)
	v.send("event: stop\n\n")
	told(t, commands, Stop)
	s.Publish(1, down)
	v.gets(down)
}

func TestNewestAtOnceThenEveryOne(t *testing.T) {
	s, _ := serve(t, at(1))
	s.Publish(1, up)
	s.Publish(2, stopping)
	v := visit(t)
	v.gets(stopping)
	s.Publish(3, stopping) // equal, and published all the same
	v.gets(stopping)
	s.Publish(4, down)
	v.gets(down)
}

func TestWatcherThatEndedItsInput(t *testing.T) {
	s, _ := serve(t, at(1))
	s.Publish(1, up)
	v := visit(t)
	v.send("event: nothing\n\n")
	must(t, v.CloseWrite())
	v.gets(up)
	for version := range uint64(5) {
		s.Publish(version+2, down)
		v.gets(down)
	}
	must(t, v.Close())
	// No state is sent meanwhile, which would fail.
	eventually(t, "the watcher is gone", func() bool { return s.clients() == 0 })
}

func TestCommandThenEndOfInput(t *testing.T) {
	s, commands := serve(t, at(4))
	s.Publish(1, up)
	v := visit(t)
	v.send("event: stop\n\n")
	must(t, v.CloseWrite())
	told(t, commands, Stop)
	v.gets(up)
	s.Publish(2, down) // what comes before it has taken effect ends nothing
	v.gets(down)
	s.Publish(4, stopping)
	v.gets(stopping)
	s.Publish(5, down)
	v.gets(down)
	v.ends()
}

func TestCommandThatChangesNothingThenEndOfInput(t *testing.T) {
	s, _ := serve(t, at(1))
	s.Publish(1, down)
	v := visit(t)
	v.send("event: stop\n\n")
	must(t, v.CloseWrite())
	v.gets(down)
	v.ends()
}

// A container that takes long to stop doesn't keep the client longer.
func TestCommandThenEndOfInputIsBounded(t *testing.T) {
	s, _ := serve(t, at(2))
	s.Publish(1, up)
	v := visit(t)
	v.send("event: stop\n\n")
	must(t, v.CloseWrite())
	v.gets(up)
	began := time.Now()
	s.Publish(2, stopping)
	v.gets(stopping)
	v.ends()
	if took := time.Since(began); took < patience || took > patience+5*time.Second {
		t.Errorf("the connection ended after %v, want %v", took, patience)
	}
}

func TestCommandThatIsNeverCarriedOut(t *testing.T) {
	s, commands := serve(t, nobodyObeys(Stop))
	s.Publish(1, up)
	v := visit(t)
	v.send("event: stop\n\n")
	must(t, v.CloseWrite())
	told(t, commands, Stop)
	v.gets(up)
	s.Publish(2, down)
	s.Close()
	v.gets(down)
	v.ends()
}

func TestSocketIsGoneWithTheServer(t *testing.T) {
	s, _ := serve(t, at(1))
	s.Publish(1, down)
	v := visit(t)
	v.gets(down)
	go s.Close()
	v.ends()
	if exists(file) {
		t.Error("control is there when a client sees the end")
	}
	s.Close() // once more, which waits for the first
	s.Publish(2, up)
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Error(err)
	}
}
