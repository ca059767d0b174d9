package main

import (
	"context"
	"fmt"
	"math"
	"os"
)

// lanyardName is the contestant that the budgets are about.
const lanyardName = "lanyard"

// experiment is something measured on several contestants side by side.
type experiment struct {
	key         string // for -only
	metrics     []metric
	maxRounds   int  // 0: as many as asked for
	times       int  // as many times the rounds that are asked for, where a difference is small; 0: once
	slow        bool // a round takes half a minute
	contestants []contestant
}

// metric is one figure that an experiment yields: a row of the report.
type metric struct {
	what    string
	unit    string
	budgets []budget
}

// budget is a promise about lanyard's median.
type budget struct {
	against string  // contestant whose figure limit multiplies; "" when limit is absolute
	limit   float64 // factor, or the metric's unit
	atLeast bool    // limit is a floor, not a ceiling
	below   bool    // the limit itself does not pass
}

// met says whether a figure keeps the budget; NaN does not.
func (b budget) met(v float64) bool {
	switch {
	case b.atLeast:
		return v >= b.limit
	case b.below:
		return v < b.limit
	default:
		return v <= b.limit
	}
}

// contestant is one way to do what the experiment measures.
type contestant struct {
	name    string
	missing string // why it cannot take part; "" when it can
	// measure yields one value for each metric of the experiment, NaN where
	// this contestant has none.
	measure func() ([]float64, error)
}

// result is what the rounds of one experiment gave.
type result struct {
	key         string
	rounds      int
	metrics     []metric
	contestants []samples
}

// samples are one contestant's values: values[metric][round].
type samples struct {
	name    string
	missing string
	failed  bool // what is missing, is since it was tried
	values  [][]float64
}

// of finds a contestant's samples.
func (r result) of(name string) (samples, bool) {
	for _, s := range r.contestants {
		if s.name == name {
			return s, true
		}
	}
	return samples{}, false
}

// carryOut runs an experiment: in each round every contestant once, each
// round beginning with another one, so that noise and warm caches hit all
// alike. The first round warms up and is not counted. A contestant that fails
// is out, with the reason in place of its figures. It ends early with ctx.
func carryOut(ctx context.Context, e experiment, rounds int) result {
	rounds *= max(1, e.times)
	if e.maxRounds > 0 {
		rounds = min(rounds, e.maxRounds)
	}
	r := e.blank()
	r.rounds = rounds
	for round := -1; round < rounds; round++ {
		for i := range e.contestants {
			if ctx.Err() != nil {
				return r
			}
			at := (i + round + 1) % len(e.contestants)
			takeTurn(e.contestants[at], &r.contestants[at], round >= 0)
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %d rounds done\n", e.key, rounds)
	return r
}

// blank is the result of an experiment before its first round.
func (e experiment) blank() result {
	r := result{key: e.key, metrics: e.metrics}
	for _, c := range e.contestants {
		r.contestants = append(r.contestants, samples{
			name: c.name, missing: c.missing, values: make([][]float64, len(e.metrics)),
		})
	}
	return r
}

// carryOutAll runs experiments one after the other.
func carryOutAll(ctx context.Context, all []experiment, rounds int) ([]result, error) {
	var out []result
	for _, e := range all {
		out = append(out, carryOut(ctx, e, rounds))
	}
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	return out, nil
}

// takeTurn measures one contestant once.
func takeTurn(c contestant, s *samples, counts bool) {
	if s.missing != "" {
		return
	}
	values, err := c.measure()
	if err != nil {
		s.missing, s.failed = err.Error(), true
		s.values = make([][]float64, len(s.values))
		return
	}
	if !counts {
		return
	}
	for m := range s.values {
		v := math.NaN()
		if m < len(values) {
			v = values[m]
		}
		s.values[m] = append(s.values[m], v)
	}
}
