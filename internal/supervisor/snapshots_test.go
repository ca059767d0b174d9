package supervisor_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

func TestSnapshots(t *testing.T) {
	bubble(t, 2, func(r *running) {
		r.cfg.Snapshots = []*supervisor.Mailbox{supervisor.NewMailbox(1), supervisor.NewMailbox(20)}
		newest := func() []lifecycle.Phase {
			synctest.Wait()
			var phases []lifecycle.Phase
			for _, shot := range (<-r.cfg.Snapshots[0].C()).Children {
				phases = append(phases, shot.Phase)
			}
			return phases
		}
		check := func(want ...lifecycle.Phase) {
			t.Helper()
			if got := newest(); !slices.Equal(got, want) {
				t.Errorf("snapshot %v, want %v", got, want)
			}
		}
		cs := r.start()
		check(lifecycle.Starting, lifecycle.Starting)
		cs[0].Up()
		cs[1].Up()
		check(lifecycle.Up, lifecycle.Up)
		cs[0].Exit(0)
		check(lifecycle.Down, lifecycle.Stopping)
		cs[1].Exit(0) // nobody reads: the loop ends all the same
		r.ends(0)
		check(lifecycle.Down, lifecycle.Down)
		if _, open := <-r.cfg.Snapshots[0].C(); open {
			t.Error("the mailbox is open after the final snapshot")
		}
		versions := uint64(0)
		for p := range r.cfg.Snapshots[1].C() {
			if versions++; p.Version != versions {
				t.Errorf("version %d, want %d", p.Version, versions)
			}
			if ready, ending := versions > 2, versions > 3; p.Ready != ready || p.Ending != ending {
				t.Errorf("version %d: ready %v, ending %v", versions, p.Ready, p.Ending)
			}
		}
	})
}

// TestProbe: whoever can send knows that the loop turns, and one that hangs
// takes nothing.
func TestProbe(t *testing.T) {
	bubble(t, 1, func(r *running) {
		probe := make(chan struct{})
		r.cfg.Probe = probe
		turns := func() bool {
			synctest.Wait()
			select {
			case probe <- struct{}{}:
				return true
			default:
				return false
			}
		}
		hang := make(chan struct{})
		r.cfg.Reporter = hanging{hang}
		cs := r.start()
		for range 3 {
			if !turns() {
				t.Error("a loop at rest does not answer")
			}
		}
		cs[0].Up() // which is reported
		if turns() {
			t.Error("a loop that hangs answers")
		}
		close(hang)
		if !turns() {
			t.Error("the loop does not answer again")
		}
		cs[0].Exit(0)
		r.ends(0)
	})
}

// hanging reports nothing until its channel is closed.
type hanging struct{ until chan struct{} }

func (h hanging) Report(supervisor.Report) { <-h.until }
