package group

import (
	"errors"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

var (
	three   = Config{Names: []string{"a", "b", "c"}, Mode: plan.StopOnFailure, Grace: 2 * time.Second}
	two     = Config{Names: []string{"a", "b"}, Mode: plan.StopOnFailure, Grace: 2 * time.Second}
	waitAll = Config{Names: []string{"a", "b", "c"}, Mode: plan.WaitAllSuccessful, Grace: 2 * time.Second}
	atOnce  = Config{Names: []string{"a", "b"}, Mode: plan.StopOnFailure}
)

// A script is a list of "event => orders", see stage.
var modes = []struct {
	name   string
	cfg    Config
	script string
	cause  Cause
	who    string
}{
	{"one exits 3, the others die of our TERM", three, `
		start     => start a start b start c
		a up
		b up
		c up
		b exit 3  => TERM:a TERM:c arm 2s
		b gone
		a sig 15
		c sig 15
		c gone
		a gone    => disarm done 3`, ByExit, "b"},
	{"stop-on-failure: an exit with 0 ends the group too", two, `
		start     => start a start b
		a up
		b up
		a exit 0  => TERM:b arm 2s
		a gone
		b exit 7
		b gone    => disarm done 0`, ByExit, "a"},
	{"SIGSEGV", two, `
		start     => start a start b
		a up
		b up
		a sig 11  => TERM:b arm 2s
		a gone
		b gone    => disarm done 139`, ByExit, "a"},
	{"what we killed never changes the result", two, `
		start     => start a start b
		a up
		b up
		a exit 4  => TERM:b arm 2s
		a gone
		+2s       => KILL:b arm 4s
		b sig 9
		b gone    => disarm done 4`, ByExit, "a"},
	{"grace 0", atOnce, `
		start     => start a start b
		a up
		b up
		a exit 4  => TERM:b KILL:b arm 2s
		a gone
		b sig 9
		b gone    => disarm done 4`, ByExit, "a"},
	{"two fail at once: the first the loop hears of", two, `
		start     => start a start b
		a up
		b up
		b exit 5  => TERM:a arm 2s
		a exit 6
		a gone
		b gone    => disarm done 5`, ByExit, "b"},
	{"gone without an exit before it", two, `
		start     => start a start b
		a up
		b up
		a gone    => TERM:b arm 2s
		b exit 0
		b gone    => disarm done 137`, ByExit, "a"},
	{"wait-all: 0, 0, 0", waitAll, `
		start     => start a start b start c
		a up
		b up
		c up
		b exit 0
		b gone
		a exit 0
		c exit 0  => arm 2s
		c gone
		a gone    => disarm done 0`, BySuccess, ""},
	{"wait-all: 0 then 5", waitAll, `
		start     => start a start b start c
		a up
		b up
		c up
		a exit 0
		a gone
		c exit 5  => TERM:b arm 2s
		c gone
		b exit 0
		b gone    => disarm done 5`, ByExit, "c"},
	{"wait-all: what exits with 0 after our TERM", waitAll, `
		start     => start a start b start c
		a up
		b up
		c up
		a sig 9   => TERM:b TERM:c arm 2s
		b exit 0
		c exit 0
		a gone
		b gone
		c gone    => disarm done 137`, ByExit, "a"},
	{"a start failure stops the others", three, `
		start     => start a start b start c
		a up
		b fail    => TERM:a TERM:c arm 2s
		b gone
		a sig 15
		c up
		c sig 15
		a gone
		c gone    => disarm done 127`, ByStart, "b"},
	{"a start failure after the result is fixed", two, `
		start     => start a start b
		a up
		a exit 3  => TERM:b arm 2s
		a gone
		b fail
		b gone    => disarm done 3`, ByExit, "a"},
	{"all fail: the first", two, `
		start     => start a start b
		a fail    => TERM:b arm 2s
		b fail
		a gone
		b gone    => disarm done 127`, ByStart, "a"},
	{"lanyard's own failure", two, `
		start     => start a start b
		a bug     => TERM:b arm 2s
		a gone
		b gone    => disarm done 121`, ByInternal, "a"},
	{"a child's own 127", two, `
		start     => start a start b
		a up
		b up
		a exit 127 => TERM:b arm 2s
		a gone
		b gone    => disarm done 127`, ByExit, "a"},
	{"vanished while starting", two, `
		start     => start a start b
		a gone    => TERM:b arm 2s
		b gone    => disarm done 127`, ByStart, "a"},
	{"told to stop while starting, killed before it ran", two, `
		start     => start a start b
		a up
		a exit 1  => TERM:b arm 2s
		a gone
		+2s       => KILL:b arm 4s
		b up
		b gone    => disarm done 1`, ByExit, "a"},
	{"no mode given means stop-on-failure", Config{Names: []string{"a", "b"}, Grace: time.Second}, `
		start     => start a start b
		a up
		b up
		a exit 0  => TERM:b arm 1s
		b gone    => arm 2s
		a gone    => disarm done 0`, ByExit, "a"},
}

func TestModes(t *testing.T) {
	for _, test := range modes {
		t.Run(test.name, func(t *testing.T) {
			st := newStage(t, test.cfg)
			st.run(test.script)
			got := st.state.Result()
			if got.Cause != test.cause || got.Child != test.who {
				t.Errorf("by %q of %q, want by %q of %q", got.Cause, got.Child, test.cause, test.who)
			}
			if len(got.Children) != len(test.cfg.Names) {
				t.Errorf("%d outcomes for %d children", len(got.Children), len(test.cfg.Names))
			}
		})
	}
}

func TestStartFailureIsNamed(t *testing.T) {
	st := newStage(t, two)
	for _, line := range []string{"start", "a fail", "b up", "b sig 15", "a gone", "b gone"} {
		st.play(line)
	}
	first, ok := st.said[0].(First)
	if !ok || first.Name != "a" || !errors.Is(first.Err, errBuild) || first.HasRun || first.Code != 127 {
		t.Errorf("first report: %+v", st.said[0])
	}
	if got := st.state.Result(); !errors.Is(got.Err, errBuild) || !errors.Is(got.Children[0].Err, errBuild) || got.Children[1].Err != nil {
		t.Errorf("result: %+v", got)
	}
}

func TestStuck(t *testing.T) {
	st := newStage(t, two)
	st.run(`
		start     => start a start b
		a up
		b up
		a exit 1  => TERM:b arm 2s
		a gone
		+1s       => arm 2s
		+1s       => KILL:b arm 4s
		+2s       => arm 14s
		+10s      => arm 24s
		+0s       => arm 24s
		b gone    => disarm done 1`)
	var waited []time.Duration
	for _, r := range st.said {
		if stuck, ok := r.(Stuck); ok {
			waited = append(waited, stuck.For)
		}
	}
	if len(waited) != 2 || waited[0] != 2*time.Second || waited[1] != 12*time.Second {
		t.Errorf("named as stuck after %v, want 2s and 12s", waited)
	}
}

// A child that exited but takes long to go is named only once the group ends.
func TestExitedButNotGone(t *testing.T) {
	st := newStage(t, waitAll)
	st.run(`
		start     => start a start b start c
		a up
		b up
		c up
		a exit 0
		@1m
		b exit 1  => TERM:c arm 1m2s
		c exit 0
		c gone
		b gone
		+2s       => arm 1m12s
		a gone    => disarm done 1`)
}

func TestReportsAfterOrders(t *testing.T) {
	st := newStage(t, three)
	for _, line := range []string{"start", "a up", "b up", "c up"} {
		st.play(line)
	}
	_, effects := st.state.Step(st.event("b exit 3"), st.now.Add(time.Minute))
	var kinds []Action
	for _, e := range effects {
		kinds = append(kinds, e.Do)
	}
	want := []Action{DoSignal, DoSignal, DoArm, DoReport, DoReport}
	if len(kinds) != len(want) {
		t.Fatalf("effects %v, want %v", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Fatalf("effects %v, want %v", kinds, want)
		}
	}
	first, ok := effects[3].Report.(First)
	if !ok || first.Name != "b" || first.Ran != time.Minute || first.Code != 3 || first.Cause != ByExit {
		t.Errorf("first: %+v", effects[3].Report)
	}
	ending, ok := effects[4].Report.(Ending)
	if !ok || len(ending.Waiting) != 2 || ending.Waiting[1] != "c" || !ending.Until.Equal(t0.Add(62*time.Second)) {
		t.Errorf("ending: %+v", effects[4].Report)
	}
}
