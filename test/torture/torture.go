package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// options say how much there is to do.
type options struct {
	rounds, lanes int
	seed          uint64
	verbose       bool
}

// mostFailures is after how many failed rounds the torture ends.
const mostFailures = 10

// torture plays rounds in lanes beside each other.
func (w *workshop) torture(ctx context.Context, o options) (*tally, error) {
	t := &tally{options: o, w: w, deaths: map[string]*death{}, left: map[string]int{}, begun: time.Now()}
	runtime.LockOSThread() // what it starts dies with its thread
	defer runtime.UnlockOSThread()
	bystander, err := w.newBystander()
	if err != nil {
		return nil, err
	}
	own := holdings(os.Getpid()) // with the descriptor that the bystander's end is learnt through
	var rounds atomic.Int64
	var lanes sync.WaitGroup
	var mu sync.Mutex
	var broken error
	for range o.lanes {
		lanes.Go(func() {
			runtime.LockOSThread() // see above; the thread ends with the goroutine
			for ctx.Err() == nil {
				n := rounds.Add(1) - 1
				if n >= int64(o.rounds) {
					return
				}
				p := newPlan(o.seed+uint64(n), w)
				res, err := w.round(p)
				mu.Lock()
				t.add(p, res)
				broken = errors.Join(broken, err)
				stop := broken != nil || t.failures >= mostFailures
				mu.Unlock()
				if stop {
					rounds.Store(int64(o.rounds))
				}
			}
		})
	}
	lanes.Wait()
	t.took = time.Since(t.begun)
	more := bystander.changed()
	bystander.end()
	if broken != nil {
		return nil, broken
	}
	t.alone("a supervisor beside the rounds has", more)
	t.alone("the torture program has", holdings(os.Getpid()).more(own))
	t.alone("after all rounds there is", strings.Join(w.left(), ", "))
	return t, nil
}

func (w *workshop) round(p *plan) (result, error) {
	r, err := newRound(p, w)
	if err != nil {
		return result{}, err
	}
	res, err := r.play()
	if len(res.left) == 0 {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	if err != nil {
		err = fmt.Errorf("round with seed %d: %w", p.seed, err)
	}
	return res, err
}

// death is what is counted of one kind of it.
type death struct {
	clean, swept []time.Duration
	rounds       int
}

// tally is what came of all rounds.
type tally struct {
	options
	w       *workshop
	begun   time.Time
	took    time.Duration
	deaths  map[string]*death
	left    map[string]int
	notes   map[string]int
	slowest struct {
		seed uint64
		took time.Duration
		what string
	}
	played   int
	failures int
}

func (t *tally) failed() bool { return t.failures > 0 }

func (t *tally) add(p *plan, res result) {
	d := t.deaths[p.attack.name]
	if d == nil {
		d = &death{}
		t.deaths[p.attack.name] = d
	}
	t.played++
	d.rounds++
	if res.clean > 0 {
		d.clean = append(d.clean, res.clean)
	}
	if res.clean > t.slowest.took {
		t.slowest.seed, t.slowest.took, t.slowest.what = p.seed, res.clean, p.String()
	}
	if res.swept > 0 {
		d.swept = append(d.swept, res.swept)
	}
	if res.real != "" {
		if t.notes == nil {
			t.notes = map[string]int{}
		}
		t.notes[res.real]++
	}
	if t.verbose {
		fmt.Printf("seed %d: %s: clean after %v, swept after %v %s\n", p.seed, p, res.clean, res.swept, res.real)
	}
	if len(res.left) == 0 {
		return
	}
	t.failures++
	fmt.Printf("FAILED with seed %d: %s\nRepeat it with: go run ./test/torture -lanyard %s -seed %d -rounds 1 -v\n", p.seed, p, t.w.lanyard, p.seed)
	for _, l := range res.left {
		t.left[l.kind]++
		fmt.Println("  left", l)
	}
	fmt.Printf("  its file:\n%s\n  its stderr:\n%s\n", p.file, res.text)
}

// alone counts what is seen after the last round: what one who still runs has
// more than before.
func (t *tally) alone(who, more string) {
	if more != "" {
		t.failures++
		t.left["after the last round"]++
		fmt.Printf("FAILED: %s %s\n", who, more)
	}
}

// summary is the median, the 99th percentile and the largest of some times, in ms.
func summary(times []time.Duration) string {
	if len(times) == 0 {
		return "| | | |"
	}
	times = slices.Sorted(slices.Values(times))
	text := "|"
	for _, at := range []int{len(times) / 2, len(times) * 99 / 100, len(times) - 1} {
		text += fmt.Sprintf(" %.1f |", float64(times[at].Microseconds())/1000)
	}
	return text
}
