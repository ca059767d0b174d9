package group

import (
	"slices"
	"testing"
)

// up is how most of the scripts for two children begin.
const bothUp = `
	start => start a start b
	a up
	b up
`

// script is a list of "event => orders", see stage.
type script struct {
	name  string
	cfg   Config
	lines string
	cause Cause
}

var signalScripts = []script{
	{"TERM, all exit with 0", two, bothUp + `
		TERM   => TERM:a TERM:b arm 2s
		a exit 0
		b exit 0
		a gone
		b gone => disarm done 143`, BySignal},
	{"INT to the groups, once, and nothing more before the deadline", two, bothUp + `
		INT    => INT::a INT::b arm 2s
		a exit 0
		a gone
		+2s    => KILL:b arm 4s
		b sig 9
		b gone => disarm done 130`, BySignal},
	{"QUIT", two, bothUp + `
		QUIT   => QUIT::a QUIT::b arm 2s
		a sig 3
		b sig 3
		a gone
		b gone => disarm done 131`, BySignal},
	{"HUP asks to end", two, bothUp + `
		HUP    => TERM:a TERM:b arm 2s
		HUP
		a sig 15
		b sig 15
		a gone
		b gone => disarm done 129`, BySignal},
	{"the terminal goes", two, bothUp + `
		hangup => TERM:a TERM:b arm 2s
		HUP
		hangup
		a sig 15
		b sig 15
		a gone
		b gone => disarm done 129`, BySignal},
	{"a second INT kills, a third changes nothing", two, bothUp + `
		INT    => INT::a INT::b arm 2s
		INT    => KILL:a KILL:b
		INT
		TERM
		a sig 9
		b sig 9
		a gone
		b gone => disarm done 130`, BySignal},
	{"TERM then QUIT", two, bothUp + `
		TERM   => TERM:a TERM:b arm 2s
		QUIT   => KILL:a KILL:b
		a gone
		b gone => disarm done 143`, BySignal},
	{"HUP, then INT is the first, TERM the second", two, bothUp + `
		HUP    => TERM:a TERM:b arm 2s
		INT    => INT::a INT::b
		TERM   => KILL:a KILL:b
		a gone
		b gone => disarm done 129`, BySignal},
	{"TERM, then HUP changes nothing", two, bothUp + `
		TERM   => TERM:a TERM:b arm 2s
		HUP
		a gone
		b gone => disarm done 143`, BySignal},
	{"ending already: the first is passed on, the next kills", two, bothUp + `
		a exit 3 => TERM:b arm 2s
		INT      => INT::b
		INT      => KILL:a KILL:b
		a gone
		b gone   => disarm done 3`, ByExit},
	{"ending already: TERM and HUP", two, bothUp + `
		a exit 3 => TERM:b arm 2s
		a gone
		HUP      => TERM:b
		HUP
		TERM     => TERM:b
		TERM     => KILL:b
		b gone   => disarm done 3`, ByExit},
	{"before the start", two, `
		TERM   => done 143
		start
		TERM
		INT`, BySignal},
	{"the terminal goes before the start", two, `
		hangup => done 129
		start
		hangup`, BySignal},
	{"during the start: nothing is lost", two, `
		start  => start a start b
		a up
		INT    => INT::a INT::b arm 2s
		b up
		b sig 2
		b gone
		a exit 0
		a gone => disarm done 130`, BySignal},
	{"grace 0: INT, then KILL", atOnce, bothUp + `
		INT    => INT::a INT::b KILL:a KILL:b arm 2s
		a gone
		b gone => disarm done 130`, BySignal},
	{"passed on without ending", two, bothUp + `
		USR1   => USR1::a USR1::b
		USR2   => USR2::a USR2::b
		WINCH  => WINCH::a WINCH::b
		CHLD
		a sig 10 => TERM:b arm 2s
		USR2   => USR2::b
		a gone
		b gone => disarm done 138`, ByExit},
	{"passed on to what starts later", two, `
		USR1
		USR1
		WINCH
		TSTP   => suspend
		CONT   => resume
		start  => start a start b USR1::a USR1::b WINCH::a WINCH::b
		TERM   => TERM:a TERM:b arm 2s
		a gone
		b gone => disarm done 143`, BySignal},
	{"TSTP and CONT", two, bothUp + `
		TSTP   => TSTP::a TSTP::b suspend
		a stopped
		b stopped
		CONT   => resume CONT::a CONT::b
		TERM   => TERM:a TERM:b arm 2s
		TSTP   => TSTP::a TSTP::b suspend
		@1h
		CONT   => resume CONT::a CONT::b arm 1h0m2s
		a exit 0
		b exit 0
		a gone
		b gone => disarm done 143`, BySignal},
	{"all have exited, not all are gone: the result stands", waitAll, `
		start  => start a start b start c
		a up
		b up
		c up
		a exit 0
		b exit 0
		c exit 0 => arm 2s
		INT
		INT    => KILL:a KILL:b KILL:c
		a gone
		b gone
		c gone => disarm done 0`, BySuccess},
}

func TestSignals(t *testing.T) {
	for _, test := range slices.Concat(signalScripts, singleScripts, serviceScripts) {
		t.Run(test.name, func(t *testing.T) {
			st := newStage(t, test.cfg)
			st.run(test.lines)
			if got := st.state.Result().Cause; got != test.cause {
				t.Errorf("by %q, want by %q", got, test.cause)
			}
			if st.state.Phase() != PhaseDone {
				t.Errorf("phase %q at the end of the script", st.state.Phase())
			}
		})
	}
}

func TestNeverStarted(t *testing.T) {
	st := newStage(t, two)
	st.play("TERM")
	for _, o := range st.state.Result().Children {
		if o.Started || o.HasRun || o.Killed {
			t.Errorf("outcome of a child that was never started: %+v", o)
		}
	}
}

func TestSignalReports(t *testing.T) {
	st := newStage(t, two)
	for _, line := range []string{"start", "a up", "b up", "HUP", "HUP", "INT", "TERM", "TERM"} {
		st.play(line)
	}
	var responses []Response
	for _, r := range st.said {
		switch r := r.(type) {
		case Signalled:
			responses = append(responses, r.Response)
		case Killed:
			if !slices.Equal(r.Children, []string{"a", "b"}) {
				t.Errorf("killed %v", r.Children)
			}
		}
	}
	if want := []Response{Ends, Ignored, Passed, Kills, Ignored}; !slices.Equal(responses, want) {
		t.Errorf("responses %v, want %v", responses, want)
	}
}
