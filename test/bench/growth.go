package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// study measures one thing at many sizes: its contestants are the sizes.
type study struct {
	experiment
	axis string // what there are so many of
	laws []law  // of each metric
}

// law is how fast a metric may grow.
type law struct {
	// exponent is 1 for what all children cost together, 0 for what one of them
	// costs, or one byte.
	exponent float64
	// rate: more is better; it is the reciprocal that may grow.
	rate bool
	// floor is what can't be told from nothing, in the metric's unit: smaller
	// figures count as this.
	floor float64
}

// sizes are the numbers of children, and the largest of them twice as many
// subscribers.
var sizes = []int{1, 2, 5, 10, 20, 50, 100, 200, 500}

// studies are all there are, in the order of the report. Idle children are
// watched for pause.
func studies(w *workshop, pause time.Duration) []study {
	return []study{w.holdStudy(pause), w.fallStudy(), w.killStudy(), w.busyStudy(pause), w.crowdStudy()}
}

// groups are a contestant for each size, whose project has a group of its
// children.
func (w *workshop) groups(kind, options string, children func(n int) [][]string, measure func(dir string, n int) ([]float64, error)) []contestant {
	var out []contestant
	for _, n := range sizes {
		c := contestant{name: strconv.Itoa(n)}
		dir, err := w.sized(fmt.Sprintf("%s-%d", kind, n), options, children(n))
		if err != nil {
			c.missing = err.Error()
		}
		c.measure = func() ([]float64, error) { return measure(dir, n) }
		out = append(out, c)
	}
	return out
}

// grow carries out the studies that -only names, and writes the page and the
// picture of them. What grows faster than it may is an error.
func grow(ctx context.Context, w *workshop, o options) error {
	r := report{Machine: machine(), Rounds: o.rounds}
	var all []course
	for _, s := range studies(w, o.pause) {
		if o.only.MatchString(s.key) {
			one := carryOut(ctx, s.experiment, r.Rounds)
			r.Results = append(r.Results, one)
			all = append(all, s.courses(one)...)
		}
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	if len(all) == 0 {
		return errors.New("-only matches no study of growth")
	}
	growthPage(os.Stdout, r, all)
	page := func(out io.Writer) error { growthPage(out, r, all); return nil }
	if err := writeTo(filepath.Join(o.growth, "growth.md"), page); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.growth, "growth.svg"), []byte(growthPicture(all)), 0o644); err != nil {
		return err
	}
	if err := writeTo(o.json, r.json); err != nil {
		return err
	}
	bad := 0
	for _, c := range all {
		if c.verdict() != "yes" {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("of %d figures %d may grow faster than they should, see above", len(all), bad)
	}
	return nil
}
