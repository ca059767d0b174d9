package group

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

func service(p lifecycle.Policy) Config {
	return Config{Names: []string{"web"}, Service: true, Restart: p, Delay: time.Second}
}

var serviceScripts = []script{
	{"service: no means no", service(lifecycle.Never), `
		start    => start web
		web up
		web oom  => arm 2s
		web gone => disarm
		+1h
		exit     => done 0`, ""},
	{"service: on-failure, a second after the exit", service(lifecycle.OnFailure), `
		start    => start web
		web up
		web exit 3 => arm 2s
		@200ms
		web gone => arm 1s
		exit
		+800ms   => start web
		web up
		web sig 9 => arm 3s
		web gone => arm 2s
		+1s      => start web
		web up
		web exit 0 => arm 4s
		web gone => disarm
		exit     => done 0`, ""},
	{"service: a stop is final", service(lifecycle.Always), `
		start    => start web
		web up
		stop     => TERM:web
		exit
		web exit 0 => arm 2s
		exit
		web gone => disarm done 0`, ""},
	{"service: stop, stop, kill", service(lifecycle.Always), `
		start    => start web
		web up
		stop     => TERM:web
		stop     => TERM:web
		kill     => KILL:web arm 2s
		web sig 9
		web gone => disarm
		stop
		kill
		+1h
		exit     => done 0`, ""},
	{"service: stop during the delay", service(lifecycle.Always), `
		start    => start web
		web up
		web exit 1 => arm 2s
		web gone => arm 1s
		stop     => disarm
		+1h
		exit     => done 0`, ""},
	{"service: stop between exit and end", service(lifecycle.Always), `
		start    => start web
		web up
		web exit 1 => arm 2s
		stop
		web gone => disarm
		exit     => done 0`, ""},
	{"service: stop during the first start, and during a restart", service(lifecycle.Always), `
		start    => start web
		exit
		stop     => TERM:web
		web up
		web sig 15 => arm 2s
		web gone => disarm
		exit     => done 0`, ""},
	{"service: TERM during a restart", service(lifecycle.Always), `
		start    => start web
		web up
		web exit 1 => arm 2s
		web gone => arm 1s
		+1s      => start web
		TERM     => TERM:web
		web fail => arm 3s
		web gone => disarm done 0`, ""},
	{"service: TERM, TERM", service(lifecycle.Always), `
		start    => start web
		web up
		TERM     => TERM:web
		+1h
		INT      => KILL:web arm 1h0m2s
		TERM
		web sig 9
		web gone => disarm done 0`, ""},
	{"service: HUP is a graceful stop, however often", service(lifecycle.Always), `
		start    => start web
		web up
		HUP      => TERM:web
		HUP      => TERM:web
		TERM     => TERM:web
		web sig 15 => arm 2s
		web gone => disarm done 0`, ""},
	{"service: TERM when it is down already", service(lifecycle.Never), `
		start    => start web
		web fail => arm 2s
		web gone => disarm
		+1h
		TERM     => done 0`, ""},
	{"service: TERM before the start", service(lifecycle.Always), `
		TERM     => done 0
		start`, ""},
	{"service: a start that fails is a state, with every policy", service(lifecycle.Always), `
		start    => start web
		web fail => arm 2s
		web gone => disarm
		+1h
		exit     => done 0`, ""},
	{"service: a restart that fails too", service(lifecycle.Always), `
		start    => start web
		web up
		web exit 0 => arm 2s
		web gone => arm 1s
		+1s      => start web
		web fail => arm 3s
		web gone => disarm
		+1h
		exit     => done 0`, ""},
	{"service: USR1 is passed on, TSTP is not for it", service(lifecycle.Never), `
		start    => start web
		web up
		USR1     => USR1::web
		TSTP
		TERM     => TERM:web
		web sig 15 => arm 2s
		web gone => disarm done 0`, ""},
}

// TestServiceRandom: a stop is final, nothing is started while it runs, the
// counters only grow, and a signal or exit ends it once it is down.
func TestServiceRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	policies := []lifecycle.Policy{lifecycle.Never, lifecycle.OnFailure, lifecycle.Always}
	lines := []string{"stop", "kill", "exit", "TERM", "HUP", "INT", "USR1", "+1s", "@1ms"}
	for round := range 3000 {
		st := newStage(t, service(policies[rnd.IntN(3)]))
		st.play("start")
		told, running := false, true // running: started and not gone
		for range 60 {
			before := st.state.Child(0)
			line := lines[rnd.IntN(len(lines))]
			if rnd.IntN(2) == 0 {
				line = engineLine(rnd, before)
			}
			if line == "" || st.state.Phase() == PhaseDone {
				continue
			}
			orders := st.play(line)
			after := st.state.Child(0)
			told = told || slices.Contains([]string{"stop", "kill", "TERM", "HUP", "INT"}, line)
			starts := len(orders) >= 9 && orders[:9] == "start web"
			if starts && (told || running) {
				t.Fatalf("round %d: %s started it again (told to end: %v, running: %v)", round, line, told, running)
			}
			running = (running || starts) && line != "web gone"
			if after.Restarts < before.Restarts || after.OOMs < before.OOMs {
				t.Fatalf("round %d: %s took back counters: %+v after %+v", round, line, after, before)
			}
			if st.state.Phase() == PhaseDone && running {
				t.Fatalf("round %d: %s ended the service while its container runs", round, line)
			}
		}
		if st.state.Phase() == PhaseDone {
			continue
		}
		for _, line := range []string{"TERM", "INT", "TERM"} {
			st.play(line)
		}
		for range 4 {
			if line := lastLine(st.state.Child(0)); line != "" {
				st.play(line)
			}
		}
		if st.state.Phase() != PhaseDone {
			t.Fatalf("round %d: it does not end: %+v", round, st.state.Child(0))
		}
	}
}

// engineLine is something that the engine may see of a container.
func engineLine(rnd *rand.Rand, c lifecycle.State) string {
	switch {
	case c.Phase == lifecycle.Idle || c.Phase == lifecycle.Waiting || c.Phase == lifecycle.Down:
		return ""
	case c.Phase == lifecycle.Exited:
		return "web gone"
	case c.HasRun():
		return []string{"web exit 0", "web exit 3", "web sig 9", "web oom", "web gone"}[rnd.IntN(5)]
	}
	return []string{"web up", "web up", "web fail", "web gone"}[rnd.IntN(4)]
}

// lastLine leads a container that was killed to its end.
func lastLine(c lifecycle.State) string {
	switch c.Phase {
	case lifecycle.Idle, lifecycle.Down:
		return ""
	}
	return "web gone"
}
