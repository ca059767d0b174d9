package supervise_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestContractCommandsAreFinal: a stop or a kill ends a container of any policy
// for good.
func TestContractCommandsAreFinal(t *testing.T) {
	for _, restart := range []string{"no", "on-failure", "always"} {
		for order, want := range map[string]string{"stop": wasStopped, "kill": wasKilled} {
			t.Run(restart+"/"+order, func(t *testing.T) {
				t.Parallel()
				s := newPlace(t, policy(restart)).start("sleep", "1000").connect()
				s.gets(isUp)
				s.command(order)
				s.finally(want)
				s.silent(1500 * time.Millisecond)
				s.r.end()
			})
		}
	}
}

// TestContractStopIsToldAtOnce, although the container takes its time; nothing
// escalates.
func TestContractStopIsToldAtOnce(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("always")).shell(deaf).connect()
	s.gets(isUp)
	s.r.ready()
	begun := time.Now()
	s.command("stop")
	s.gets(isStopping)
	if took := time.Since(begun); took > testkit.Slow(time.Second) {
		t.Errorf("the stop was told after %v", took)
	}
	s.silent(2 * time.Second)
	s.command("stop")
	s.next() // each is answered
	s.command("exit")
	s.silent(200 * time.Millisecond)
	s.command("kill")
	s.gets(wasKilled)
	s.r.end()
}

// TestContractStopStopKillInOrder: three events in one write, on each of which
// a state follows.
func TestContractStopStopKillInOrder(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("always")).shell(deaf).connect()
	s.gets(isUp)
	s.r.ready()
	s.send("event: stop\n\nevent: stop\n\nevent: kill\n\n")
	s.finally(wasKilled)
	s.silent(1500 * time.Millisecond)
	s.r.end()
}

// TestContractCommandsWhenDown: stop and kill repeat the state.
func TestContractCommandsWhenDown(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("on-failure")).start("true").connect()
	down := stateOf(false, false, exited0, 0, 0)
	s.finally(down)
	for _, order := range []string{"stop", "kill", "stop"} {
		begun := time.Now()
		s.command(order)
		if got := said(s.next()); got != down {
			t.Errorf("after %s: %s", order, got)
		}
		if took := time.Since(begun); took > testkit.Slow(time.Second) {
			t.Errorf("the state was repeated %v after %s", took, order)
		}
	}
	s.r.end()
}

// TestContractExit: it is refused while the container is up or about to be
// restarted, and closes promptly when it is down.
func TestContractExit(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("always")).shell("sleep 0.5; exit 3").connect()
	s.gets(isUp)
	s.command("exit")
	s.gets(stateOf(false, true, exited3, 0, 0))
	s.command("exit")
	s.gets(stateOf(true, true, "", 1, 0))
	other := s.r.connect()
	s.command("kill")
	s.finally(stateOf(false, false, byKill, 1, 0))
	begun := time.Now()
	s.command("exit")
	s.ends(stateOf(false, false, byKill, 1, 0))
	other.ends(stateOf(false, false, byKill, 1, 0))
	if took := time.Since(begun); took > testkit.Slow(time.Second) {
		t.Errorf("the end of the stream came %v after the exit", took)
	}
	if exists(s.r.path("control")) {
		t.Error("control is there after the end of the stream")
	}
	s.r.want(0)
}

// TestContractStopDuringRestartDelay: nothing is started any more.
func TestContractStopDuringRestartDelay(t *testing.T) {
	for _, order := range []string{"stop", "kill"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newPlace(t, policy("always")).shell("exit 3").connect()
			s.finally(stateOf(false, true, exited3, 0, 0))
			s.command(order)
			s.gets(stateOf(false, false, exited3, 0, 0))
			s.silent(1500 * time.Millisecond)
			s.command("exit")
			s.toEnd()
			s.r.want(0)
		})
	}
}

// forms are the ways to write a command that the contract names.
var forms = map[string]struct{ text, want string }{
	"NoSpace":        {"event:stop\n\n", "stop"},
	"CRLF":           {"event: stop\r\n\r\n", "stop"},
	"BOM":            {"\ufeffevent: stop\n\n", "stop"},
	"OtherFields":    {"id: 7\nretry: 5\nevent: stop\ndata: x\n\n", "stop"},
	"BareData":       {"event: stop\ndata\n\n", "stop"},
	"LastOfSeveral":  {"event: kill\nevent: stop\n\n", "stop"},
	"Comment":        {": event: kill\n:\nevent: stop\n:\n\n", "stop"},
	"AfterNonsense":  {"\xff\xfe\x00event: kill\n\nevent: stop\n\n", "stop"},
	"AfterUnknown":   {"event: pause\n\nevent: stop\n\n", "stop"},
	"AfterWrongCase": {"event: KILL\n\nEvent: kill\n\nevent: stop\n\n", "stop"},
	"AfterSpaces":    {"event:  kill\n\nevent: kill \n\nevent: stop\n\n", "stop"},
	"AfterMegabyte":  {"event: " + strings.Repeat("x", 1<<20) + "\n\nevent: stop\n\n", "stop"},
	"NothingOfIt":    {"\xffevent: kill\n\nevent: Kill\n\nevent:\tstop\n\nevent\n\ndata: stop\n\nevent: kill", ""},
	"HalfAnEvent":    {"event: kill\n", ""},
	"ColonEndsNone":  {"event: kill\n:\n", ""},
	"Megabyte":       {strings.Repeat("event: kill", 100_000), ""},
}

// TestContractForms: what is a command, and what is ignored without harm; in
// one piece, and byte by byte.
func TestContractForms(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPlace(t, policy("always")).shell(deaf)
			witness, s := r.connect(), r.connect()
			witness.gets(isUp)
			s.gets(isUp)
			r.ready()
			if len(form.text) < 200 {
				for i := range len(form.text) {
					s.send(form.text[i : i+1])
				}
			} else {
				s.send(form.text)
			}
			if form.want == "" {
				s.closeWrite() // the end of what it says makes no event of it
				s.silent(100 * time.Millisecond)
			} else {
				s.finally(isStopping)
			}
			want := isUp
			if form.want == "stop" {
				want = isStopping
			}
			witness.finally(want)
			witness.silent(100 * time.Millisecond)
			r.end()
		})
	}
}

// TestContractHalfCloseOfCommander: printf "event: …" | socat. The state of the
// moment and the one that results come, and then the end of the stream.
func TestContractHalfCloseOfCommander(t *testing.T) {
	t.Parallel()
	p := newPlace(t, policy("always"))
	for range testkit.Rounds(t, 20) {
		r := p.start("sleep", "1000")
		r.connect().gets(isUp)
		s := r.connect()
		s.command("stop")
		s.closeWrite()
		s.gets(isUp)
		s.ends(wasStopped)
		s = r.connect()
		s.command("exit")
		s.closeWrite()
		s.ends(wasStopped)
		r.want(0)
	}
}

// TestContractHalfCloseOfWatcher: who has sent no command keeps the stream.
func TestContractHalfCloseOfWatcher(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("always")).shell(brief + "; exit 3")
	s := r.connect()
	s.send("event: unknown\n\n: kept\n")
	s.closeWrite()
	s.gets(isUp, stateOf(false, true, exited3, 0, 0), stateOf(true, true, "", 1, 0))
	r.end()
	if last := s.toEnd(); !strings.HasPrefix(last, `{"up":false,"restarting":false,`) {
		t.Errorf("the final state is %s", last)
	}
}

// TestContractStopAfterHangUp: a client that sends and closes at once is obeyed.
func TestContractStopAfterHangUp(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("always")).start("sleep", "1000")
	witness := r.connect()
	witness.gets(isUp)
	s := r.connect()
	s.command("stop")
	s.conn.Close()
	witness.finally(wasStopped)
	r.end()
}
