package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Rounds of a run that is compared, as of those that the bands are made of, and
// of the repetition of what is worse.
const (
	guardRounds  = 5
	repeatRounds = 3 * guardRounds
)

// leastRuns is how many runs a band is made of at least.
const leastRuns = 5

// committed is the file that a run is compared with.
type committed struct {
	Runs    int
	Machine []string
	Ratios  []bound
}

func readCommitted(name string) (c committed, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return c, fmt.Errorf("%w; make bench-band makes it", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s: %v", name, err)
	}
	return c, nil
}

// check measures, reports, and compares with the committed ratios.
func check(ctx context.Context, o options) error {
	old, err := readCommitted(o.committed)
	if err != nil {
		return err
	}
	r := report{Machine: machine(), Rounds: guardRounds}
	var found []finding
	var elsewhere []string
	err = inWorkshop(o.lanyard, func(w *workshop) (err error) {
		if w.lanyard == "" {
			return errors.New("the lanyard binary is not there; build it, or name it with -lanyard")
		}
		every := experiments(w, o.pause)
		chosen := steadied(slices.DeleteFunc(o.chosen(every), func(e experiment) bool { return !e.held() }))
		bounds := old.of(chosen, every)
		elsewhere = old.elsewhere(r.Machine)
		if len(elsewhere) > 0 {
			bounds = wider(bounds)
		}
		r.Results, err = carryOutAll(ctx, chosen, guardRounds)
		if err != nil {
			return err
		}
		found = compare(bounds, observe(r.Results), old.another(r.Machine))
		if err := repeatFailed(ctx, chosen, found, r.Results); err != nil {
			return err
		}
		found = compare(bounds, observe(r.Results), old.another(r.Machine))
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(o.write(r), conclude(os.Stdout, found, elsewhere))
}

// repeatFailed measures once more, with more rounds, what has a finding that fails,
// and puts it in the place of the first results: a moment's noise is gone then.
func repeatFailed(ctx context.Context, chosen []experiment, found []finding, results []result) error {
	for _, f := range found {
		if f.fails() {
			fmt.Fprintf(os.Stderr, "%v: %s, %s\n", f.pair, f.outcome, f.why)
		}
	}
	again := slices.DeleteFunc(slices.Clone(chosen), func(e experiment) bool {
		return !slices.ContainsFunc(found, func(f finding) bool { return f.fails() && f.Key == e.key })
	})
	repeated, err := carryOutAll(ctx, again, repeatRounds)
	for _, one := range repeated {
		at := slices.IndexFunc(results, func(r result) bool { return r.key == one.key })
		results[at] = one
	}
	return err
}

// held says whether there is a figure that can be judged without peers which make
// deps does not install. What takes half a minute a round is left to make bench.
func (e experiment) held() bool {
	absolute := func(b budget) bool { return b.against == "" }
	return !e.slow && (len(observe([]result{e.blank()})) > 0 ||
		slices.ContainsFunc(e.metrics, func(m metric) bool { return slices.ContainsFunc(m.budgets, absolute) }))
}

// steadied leaves the contestants that ratios are held to.
func steadied(chosen []experiment) []experiment {
	out := slices.Clone(chosen)
	for i := range out {
		out[i].contestants = slices.DeleteFunc(slices.Clone(out[i].contestants), func(c contestant) bool {
			return c.name != lanyardName && !slices.Contains(steady, c.name)
		})
	}
	return out
}

// of are the bounds of the chosen experiments, and of those that are gone.
func (c committed) of(chosen, every []experiment) []bound {
	return slices.DeleteFunc(slices.Clone(c.Ratios), func(b bound) bool {
		same := func(e experiment) bool { return e.key == b.Key }
		return slices.ContainsFunc(every, same) && !slices.ContainsFunc(chosen, same)
	})
}

// another compares the versions of a peer, which the lines about the machine tell.
func (c committed) another(now []string) func(peer string) string {
	return func(peer string) string {
		program, _, _ := strings.Cut(peer, " ")
		theirs, ours := line(c.Machine, program), line(now, program)
		if theirs == ours {
			return ""
		}
		return fmt.Sprintf("here is %s, committed was %s", ours, theirs)
	}
}

// elsewhere says how this machine differs from that of the committed ratios.
func (c committed) elsewhere(now []string) []string {
	var out []string
	for _, what := range []string{"processor", "kernel", "cgroups", "Go", "run as"} {
		if theirs, ours := line(c.Machine, what), line(now, what); theirs != ours {
			out = append(out, fmt.Sprintf("%s: %s, for the committed ratios %s", what, ours, theirs))
		}
	}
	return out
}

// line is what a "what: value" line says.
func line(lines []string, what string) string {
	for _, l := range lines {
		if value, found := strings.CutPrefix(l, what+": "); found {
			return value
		}
	}
	return ""
}

// conclude says what was found, and is an error if anything fails.
func conclude(out io.Writer, found []finding, elsewhere []string) error {
	fmt.Fprint(out, "\nRatios beside the committed ones; what failed at first was measured once more:\n\n")
	count := map[outcome]int{}
	fails := 0
	for _, f := range found {
		fmt.Fprintf(out, "%v\n    %s: %s\n", f.pair, f.outcome, f.why)
		count[f.outcome]++
		if f.fails() {
			fails++
		}
	}
	fmt.Fprintln(out)
	if count[better] > 0 {
		fmt.Fprintln(out, "What is better and is to stay so: commit the new ratios with make bench-band, on a quiet machine.")
	}
	for _, e := range elsewhere {
		fmt.Fprintf(out, "another machine, so the bands are %g times as wide: %s\n", elsewhereBand, e)
	}
	noise := noisyMachine(found)
	if noise != "" {
		fmt.Fprintln(out, noise)
	}
	switch {
	case fails > 0 && noise != "":
		return fmt.Errorf("%d of %d ratios fail, on a noisy machine: run it again on a quiet one before you believe it", fails, len(found))
	case fails > 0:
		return fmt.Errorf("%d of %d ratios fail, see above", fails, len(found))
	case count[same]+count[better] == 0:
		return errors.New("no ratio could be compared with a committed one")
	}
	return nil
}

// makeBand measures the program so many times as check does, each in a workshop of
// its own, and writes the file that check reads.
func makeBand(ctx context.Context, o options) error {
	if o.band < leastRuns {
		return fmt.Errorf("a band needs at least %d runs", leastRuns)
	}
	c := committed{Runs: o.band, Machine: machine()}
	var runs [][]seen
	for i := range o.band {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", i+1, o.band)
		err := inWorkshop(o.lanyard, func(w *workshop) error {
			chosen := steadied(slices.DeleteFunc(o.chosen(experiments(w, o.pause)), func(e experiment) bool {
				return !e.held() || len(observe([]result{e.blank()})) == 0
			}))
			results, err := carryOutAll(ctx, chosen, guardRounds)
			runs = append(runs, observe(results))
			for _, m := range absences(results) {
				fmt.Fprintln(os.Stderr, m)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(runs[0]) == 0 {
		return errors.New("-only matches no experiment with a ratio")
	}
	var err error
	if c.Ratios, err = settle(runs); err != nil {
		return err
	}
	for _, b := range c.Ratios {
		if b.Band > mostBand {
			fmt.Fprintf(os.Stderr, "a band of %s guards little: %v; is the machine noisy?\n", number(b.Band), b.pair)
		}
	}
	return writeTo(o.committed, func(out io.Writer) error {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", " ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(c)
	})
}
