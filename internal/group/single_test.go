package group

import (
	"syscall"
	"testing"
	"time"
)

var single = Config{Names: []string{"sh"}, Single: true}

var singleScripts = []script{
	{"single: its own status", single, `
		start   => start sh
		sh up
		INT     => INT::sh
		USR1    => USR1::sh
		sh exit 4 => arm 2s
		sh gone => disarm done 4`, ByExit},
	{"single: TERM and HUP to the command as they are, no kill timer", single, `
		start   => start sh
		sh up
		HUP     => HUP:sh
		HUP     => HUP:sh
		TERM    => TERM:sh
		+1h
		sh sig 15 => arm 1h0m2s
		sh gone => disarm done 143`, ByExit},
	{"single: a second one kills", single, `
		start   => start sh
		sh up
		QUIT    => QUIT::sh
		TERM    => KILL:sh arm 2s
		INT
		sh sig 9
		sh gone => disarm done 137`, ByExit},
	{"single: killed, but it ended by itself before", single, `
		start   => start sh
		sh up
		INT     => INT::sh
		INT     => KILL:sh arm 2s
		sh exit 1
		sh gone => disarm done 1`, ByExit},
	{"single: before it could start", single, `
		QUIT    => done 131
		start`, BySignal},
	{"single: during the start", single, `
		start   => start sh
		INT     => INT::sh
		sh up
		sh sig 2 => arm 2s
		sh gone => disarm done 130`, ByExit},
	{"single: killed before it ran", single, `
		start   => start sh
		INT     => INT::sh
		TERM    => KILL:sh arm 2s
		sh fail
		sh gone => disarm done 130`, BySignal},
	{"single: cannot start", single, `
		start   => start sh
		INT     => INT::sh
		sh fail => arm 2s
		sh gone => disarm done 127`, ByStart},
	{"single: lanyard's own failure", single, `
		start   => start sh
		sh bug  => arm 2s
		sh gone => disarm done 121`, ByInternal},
	{"single: job control", single, `
		start   => start sh
		sh up
		sh stopped => suspend
		CONT    => resume CONT::sh
		TSTP    => TSTP::sh
		sh stopped => suspend
		CONT    => resume CONT::sh
		sh exit 0 => arm 2s
		sh gone => disarm done 0`, ByExit},
	{"single: the terminal goes", single, `
		start   => start sh
		sh up
		hangup  => HUP:sh arm 2s
		sh stopped
		hangup
		+2s     => KILL:sh arm 4s
		sh stopped
		sh sig 9
		sh gone => disarm done 137`, ByExit},
	{"single: the terminal goes, it ends in time", single, `
		start   => start sh
		sh up
		hangup  => HUP:sh arm 2s
		sh sig 1
		sh gone => disarm done 129`, ByExit},
	{"single: the terminal goes before the start", single, `
		hangup  => done 129
		start`, BySignal},
}

func TestHangupOfASingleSaysUntilWhen(t *testing.T) {
	st := newStage(t, single)
	for _, line := range []string{"start", "sh up", "hangup"} {
		st.play(line)
	}
	said := st.said[len(st.said)-2:]
	if s, ok := said[0].(Signalled); !ok || !s.Hangup || s.Signal != syscall.SIGHUP {
		t.Errorf("report %+v", said[0])
	}
	if e, ok := said[1].(Ending); !ok || !e.Until.Equal(t0.Add(2*time.Second)) {
		t.Errorf("report %+v", said[1])
	}
}
