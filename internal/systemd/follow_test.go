package systemd

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/testkit/fake"
)

func TestStatus(t *testing.T) {
	up := func(name string) supervisor.Snapshot { return supervisor.Snapshot{Name: name, Up: true} }
	tests := []struct {
		state supervisor.Publication
		want  string
	}{
		{supervisor.Publication{Children: []supervisor.Snapshot{up("a"), {Name: "b"}}}, "1 of 2 running, starting"},
		{supervisor.Publication{Ready: true, Children: []supervisor.Snapshot{up("a"), up("b")}}, "2 of 2 running"},
		{supervisor.Publication{Ready: true, Ending: true, Children: []supervisor.Snapshot{up("a"), {Name: "b"}}}, "1 of 2 running, stopping"},
		{supervisor.Publication{Ready: true, Children: []supervisor.Snapshot{{Name: "web", Restarting: true}}}, "0 of 1 running; web is started again"},
		{supervisor.Publication{Ready: true, Children: []supervisor.Snapshot{{Name: "web", Error: "no rootfs\nREADY=1"}}}, "0 of 1 running; web: no rootfs"},
		{supervisor.Publication{Ready: true, Children: []supervisor.Snapshot{{Name: "w\nMAINPID=1", Error: "a\x00b\x7f\xff"}}}, "0 of 1 running; w MAINPID=1: a b ?"},
	}
	for _, test := range tests {
		if got := status(&test.state); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	long := supervisor.Publication{Children: []supervisor.Snapshot{{Name: "web", Error: strings.Repeat("é", longest)}}}
	if got := status(&long); len(got) > longest+len("…") || !utf8.ValidString(got) {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// followed runs a loop of fake containers in a bubble, with what its manager is
// told.
func followed(t *testing.T, ping time.Duration, test func(cs []*fake.Container, told func() []string, hang func() func())) {
	synctest.Test(t, func(t *testing.T) {
		states, probe := supervisor.NewMailbox(1), make(chan struct{})
		engine, reporter := &fake.Engine{}, &reports{}
		var messages []string
		over := make(chan struct{})
		go func() {
			defer close(over)
			follow(states.C(), probe, ping, func(text string) { messages = append(messages, text) })
		}()
		go supervisor.Run(supervisor.Config{
			Group:  group.Config{Names: []string{"a", "b"}, Grace: time.Hour},
			Engine: engine, Reporter: reporter, Snapshots: []*supervisor.Mailbox{states}, Probe: probe,
		})
		synctest.Wait()
		test(engine.Containers(), func() []string {
			synctest.Wait()
			told := messages
			messages = nil
			return told
		}, func() func() {
			reporter.wait = make(chan struct{})
			return func() { close(reporter.wait) }
		})
		<-over
	})
}

// reports hangs the loop while wait is there and open. Its field is written
// when the loop is at rest.
type reports struct{ wait chan struct{} }

func (r *reports) Report(supervisor.Report) {
	if r.wait != nil {
		<-r.wait
	}
}

func TestFollow(t *testing.T) {
	followed(t, 0, func(cs []*fake.Container, told func() []string, _ func() func()) {
		expect := func(want ...string) {
			t.Helper()
			if got := told(); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		expect("STATUS=0 of 2 running, starting")
		cs[0].Up()
		expect("STATUS=1 of 2 running, starting")
		time.Sleep(time.Hour)
		expect()
		cs[1].Up()
		expect("STATUS=2 of 2 running", "READY=1")
		cs[0].Exit(3)
		expect("STATUS=1 of 2 running, stopping", "STOPPING=1")
		cs[1].Exit(0)
		expect("STATUS=0 of 2 running, stopping")
	})
}

// TestFailedStart: what can't start is never told to be ready.
func TestFailedStart(t *testing.T) {
	followed(t, 0, func(cs []*fake.Container, told func() []string, _ func() func()) {
		cs[0].Fail(errors.New("mount /x: no such file"))
		cs[1].Up()
		cs[1].Exit(0)
		got := told()
		if slices.Contains(got, "READY=1") || !slices.Contains(got, "STOPPING=1") ||
			!slices.Contains(got, "STATUS=0 of 2 running, stopping; a: mount /x: no such file") {
			t.Errorf("told %q", got)
		}
	})
}

// TestWatchdog: the loop is asked at each tick, and one that hangs is silent,
// although everything else goes on.
func TestWatchdog(t *testing.T) {
	const ping = 10 * time.Second
	followed(t, ping, func(cs []*fake.Container, told func() []string, hang func() func()) {
		pings := func() int {
			all := told()
			return len(slices.DeleteFunc(all, func(text string) bool { return text != "WATCHDOG=1" }))
		}
		time.Sleep(10*ping + ping/2)
		if n := pings(); n != 10 {
			t.Errorf("%d pings in the time for 10", n)
		}
		resume := hang()
		cs[0].Up() // which is reported
		time.Sleep(100 * ping)
		if n := pings(); n != 0 {
			t.Errorf("%d pings of a loop that hangs", n)
		}
		resume()
		time.Sleep(10 * ping)
		if n := pings(); n != 11 { // the one that was due, and ten
			t.Errorf("%d pings after it went on", n)
		}
		cs[1].Up()
		cs[0].Exit(0)
		time.Sleep(10 * ping) // a group that ends pings until it has
		if n := pings(); n != 10 {
			t.Errorf("%d pings of a group that ends", n)
		}
		cs[1].Exit(0)
	})
}
