package group

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// world is an engine and a user who do anything that is allowed, in an order
// that a string of bytes decides.
type world struct {
	t        *testing.T
	dice     []byte
	state    State
	now      time.Time
	could    [][]Kind // what each child's engine may report next
	starts   []int
	killed   []bool
	done     int
	fixed    Result
	wasFixed bool
}

func (w *world) roll(n int) int {
	if len(w.dice) == 0 {
		return 0
	}
	b := w.dice[0]
	w.dice = w.dice[1:]
	return int(b) % n
}

// play runs a group until it is done and checks what must always hold.
func play(t *testing.T, dice []byte) {
	w := &world{t: t, dice: dice, now: t0}
	cfg := Config{Names: []string{"a", "b", "c"}[:1+w.roll(3)]}
	cfg.Mode = []plan.Mode{plan.StopOnFailure, plan.WaitAllSuccessful}[w.roll(2)]
	cfg.Grace = time.Duration(w.roll(3)) * time.Second
	cfg.Single = len(cfg.Names) == 1 && w.roll(2) == 1
	n := len(cfg.Names)
	w.state = New(cfg)
	w.could, w.starts, w.killed = make([][]Kind, n), make([]int, n), make([]bool, n)
	if w.roll(4) == 0 {
		w.user()
	}
	w.step(Event{Kind: OnStart})
	for len(w.dice) > 0 {
		if w.roll(3) == 0 {
			w.user()
		} else {
			w.engine(w.roll(n))
		}
		w.now = w.now.Add(time.Duration(w.roll(5)) * 300 * time.Millisecond)
	}
	for i := range n { // everything ends some day
		for len(w.could[i]) > 0 {
			w.engine(i)
		}
	}
	if w.done != 1 {
		t.Fatalf("done %d times after the last child went", w.done)
	}
	if got := w.state.Result(); w.fixed.Code != got.Code || w.fixed.Cause != got.Cause {
		t.Fatalf("result changed from %+v to %+v", w.fixed, got)
	}
}

func (w *world) user() {
	sigs := []syscall.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP,
		syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGUSR1, syscall.SIGWINCH,
	}
	switch i := w.roll(len(sigs) + 3); {
	case i < len(sigs):
		w.step(Event{Kind: OnSignal, Sig: sigs[i]})
	case i == len(sigs):
		w.step(Event{Kind: OnHangup})
	default:
		w.step(Event{Kind: OnTick})
	}
}

// engine lets the engine report something of child i that is possible.
func (w *world) engine(i int) {
	if len(w.could[i]) == 0 {
		return
	}
	statuses := []lifecycle.Status{{Exited: true}, {Exited: true, Code: 3}, {Signal: syscall.SIGTERM}, {Signal: syscall.SIGKILL}}
	ev := Event{Kind: w.could[i][w.roll(len(w.could[i]))], Child: i, Status: statuses[w.roll(4)]}
	switch ev.Kind {
	case OnStarted:
		w.could[i] = []Kind{OnGone, OnExited, OnStopped}
	case OnFailed:
		ev.Err, ev.Internal = errBuild, w.roll(2) == 0
		w.could[i] = []Kind{OnGone}
	case OnExited:
		w.could[i] = []Kind{OnGone}
	case OnGone:
		w.could[i] = nil
	}
	w.step(ev)
}

func (w *world) step(ev Event) {
	next, effects := w.state.Step(ev, w.now)
	w.state = next
	passed := make([]int, len(w.starts))
	for _, e := range effects {
		switch e.Do {
		case DoStart:
			w.starts[e.Child]++
			w.could[e.Child] = []Kind{OnGone, OnStarted, OnFailed}
			if w.starts[e.Child] > 1 || w.wasFixed {
				w.t.Fatalf("start number %d of child %d, result fixed: %v", w.starts[e.Child], e.Child, w.wasFixed)
			}
		case DoSignal:
			passed[e.Child]++
			if w.starts[e.Child] == 0 || w.killed[e.Child] {
				w.t.Fatalf("signal %v to child %d, killed: %v", e.Sig, e.Child, w.killed[e.Child])
			}
		case DoKill:
			w.killed[e.Child] = true
		case DoDone:
			w.done++
			if slices.ContainsFunc(w.could, func(k []Kind) bool { return len(k) > 0 }) {
				w.t.Fatal("done although not every child is gone")
			}
		}
	}
	if len(passed) > 0 && slices.Max(passed) > 1 {
		w.t.Fatalf("event %+v was passed on %v times", ev, passed)
	}
	if got := w.state.Result(); w.wasFixed && (got.Code != w.fixed.Code || got.Cause != w.fixed.Cause) {
		w.t.Fatalf("event %+v changed the result from %+v to %+v", ev, w.fixed, got)
	} else if got.Cause != "" {
		w.fixed, w.wasFixed = got, true
	}
}

func TestRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		dice := make([]byte, rnd.IntN(80))
		for i := range dice {
			dice[i] = byte(rnd.UintN(256))
		}
		play(t, dice)
	}
}

func FuzzStep(f *testing.F) {
	f.Add([]byte{2, 0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 2, 1, 0, 0, 0, 1})
	f.Add([]byte{0, 0, 0, 1, 1, 1, 0, 1, 0, 8, 0, 10})
	f.Fuzz(play)
}

func BenchmarkExitOf50(b *testing.B) {
	names := make([]string, 50)
	st := New(Config{Names: names, Grace: time.Second})
	st, _ = st.Step(Event{Kind: OnStart}, t0)
	for i := range names {
		st, _ = st.Step(Event{Kind: OnStarted, Child: i}, t0)
	}
	for b.Loop() {
		if _, effects := st.Step(Event{Kind: OnExited, Child: 7}, t0); len(effects) < 49 {
			b.Fatalf("%d effects", len(effects))
		}
	}
}

func BenchmarkStartedOf50(b *testing.B) {
	st := New(Config{Names: make([]string, 50), Grace: time.Second})
	st, _ = st.Step(Event{Kind: OnStart}, t0)
	for b.Loop() {
		st.Step(Event{Kind: OnStarted, Child: 7}, t0)
	}
}
