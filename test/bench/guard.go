package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// pair names a ratio: lanyard's figure in one metric by another contestant's of
// the same run. Ratios can be compared between machines; figures can't.
type pair struct {
	Key     string // of the experiment
	What    string
	Against string
}

func (p pair) String() string { return fmt.Sprintf("%s: %s, to %s", p.Key, p.What, p.Against) }

// bound is what the runs of the committed program gave for a pair.
type bound struct {
	pair
	Ratio  float64 // their median, see seen
	Band   float64 // a ratio may be so many times as bad
	Spread float64 // the largest of theirs, see seen; 0 where a run had too few rounds for one
}

// seen is what one run gave for a pair. Its ratio is that of the two contestants'
// best rounds, where a budget takes the median of the rounds' ratios: what else
// the machine does only ever makes a round worse, and on a busy machine best
// rounds scatter a quarter as much. What is slow in some rounds only, the guard does
// not see.
type seen struct {
	pair
	rate   bool    // more is better
	ratio  float64 // NaN: not measured
	spread float64 // of the rounds' ratios, the ninth decile by the first; NaN for fewer than three
	absent string  // why one of the two can't take part on this machine
}

// steady are the contestants that a ratio can be held to: those of this program,
// and peers that make deps installs. Others come and go.
var steady = []string{"bare", cloneName, asRoot, openName, catName, "crun"}

// guarded are the contestants whose ratio to lanyard is held in metric m: those
// that a budget names, and in the first metric of a row the bare kernel, which is
// of the same version everywhere.
func guarded(r result, m int) []string {
	var out []string
	for _, b := range r.metrics[m].budgets {
		if slices.Contains(steady, b.against) && !slices.Contains(out, b.against) {
			out = append(out, b.against)
		}
	}
	for _, name := range []string{"bare", cloneName} {
		if _, found := r.of(name); found && m == 0 && !slices.Contains(out, "bare") && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// observe takes the pairs out of results.
func observe(results []result) []seen {
	var out []seen
	for _, r := range results {
		for m, metric := range r.metrics {
			for _, name := range guarded(r, m) {
				ours, _ := r.of(lanyardName)
				theirs, _ := r.of(name)
				s := seen{pair: pair{r.key, metric.what, name}, rate: metric.moreIsBetter(), spread: math.NaN()}
				for _, c := range []samples{ours, theirs} {
					if c.missing != "" && !c.failed {
						s.absent = c.name + ": " + c.missing
					}
				}
				best := 0.0
				if s.rate {
					best = 1
				}
				s.ratio = quantile(ours.values[m], best) / quantile(theirs.values[m], best)
				quotients := ratios(ours.values[m], theirs.values[m])
				if len(quotients) >= 3 {
					s.spread = quantile(quotients, 0.9) / quantile(quotients, 0.1)
				}
				out = append(out, s)
			}
		}
	}
	return out
}

// moreIsBetter is for rates.
func (m metric) moreIsBetter() bool {
	return strings.HasSuffix(m.unit, "/s") || slices.ContainsFunc(m.budgets, func(b budget) bool { return b.atLeast })
}

// outcome is what came of comparing a pair.
type outcome string

const (
	same       outcome = "as before"
	better     outcome = "better"
	worse      outcome = "WORSE"
	unmeasured outcome = "NOT MEASURED"
	gone       outcome = "GONE"
	fresh      outcome = "not committed yet"
	apart      outcome = "not compared"
)

// finding is a pair, what came of it and why.
type finding struct {
	pair
	outcome
	why   string
	noisy bool // the rounds scatter more than they did in any committed run
}

// fails: a guard that does not look at a pair any more is none.
func (f finding) fails() bool {
	return f.outcome == worse || f.outcome == unmeasured || f.outcome == gone
}

// compare holds a run against the committed ratios. another says why a peer can't
// be compared with the committed one, "" where it can.
func compare(old []bound, now []seen, another func(peer string) string) []finding {
	var out []finding
	for _, s := range now {
		at := slices.IndexFunc(old, func(b bound) bool { return b.pair == s.pair })
		if at < 0 {
			out = append(out, finding{pair: s.pair, outcome: fresh, why: number(s.ratio)})
			continue
		}
		out = append(out, old[at].judge(s, another(s.Against)))
	}
	for _, b := range old {
		if !slices.ContainsFunc(now, func(s seen) bool { return s.pair == b.pair }) {
			out = append(out, finding{pair: b.pair, outcome: gone, why: "committed, but no row has it; renamed?"})
		}
	}
	return out
}

// wider are the bounds for another processor or kernel than the committed one's:
// what a system call costs beside a page fault is another there.
func wider(bounds []bound) []bound {
	out := slices.Clone(bounds)
	for i := range out {
		out[i].Band *= elsewhereBand
	}
	return out
}

// judge compares what was seen with a bound of the same pair.
func (b bound) judge(s seen, another string) finding {
	f := finding{pair: s.pair, noisy: b.Spread > 0 && s.spread > b.Spread}
	times, limit := s.ratio/b.Ratio, b.Ratio*b.Band
	if s.rate {
		times, limit = b.Ratio/s.ratio, b.Ratio/b.Band
	}
	switch {
	case s.absent != "":
		f.outcome, f.why = apart, s.absent
		return f
	case math.IsNaN(s.ratio):
		f.outcome, f.why = unmeasured, "the report says why"
		return f
	case another != "":
		f.outcome, f.why = apart, another
		return f
	case times > b.Band:
		f.outcome = worse
	case times < 1/b.Band:
		f.outcome = better
	default:
		f.outcome = same
	}
	f.why = fmt.Sprintf("%s, committed %s, limit %s", number(s.ratio), number(b.Ratio), number(limit))
	if f.noisy {
		f.why += fmt.Sprintf("; noisy: its rounds scatter by %s, those of the committed runs by %s at most", number(s.spread), number(b.Spread))
	}
	return f
}

// noisyMachine says so if more than a third of the pairs scatter more than in all
// of the committed runs. One of eleven does so by chance where there were ten.
func noisyMachine(found []finding) string {
	noisy := 0
	for _, f := range found {
		if f.noisy {
			noisy++
		}
	}
	if 3*noisy <= len(found) {
		return ""
	}
	return fmt.Sprintf("the machine is noisy: %d of %d ratios scatter more from round to round than in any run that the bands are made of", noisy, len(found))
}

// The band is so many standard deviations of the committed runs wide, and
// leastBand at least: of ten runs, 2.96 are exceeded by one ratio of a hundred by
// chance (Student's t with 9 degrees of freedom, for a value more); it has to
// happen again in the repetition to fail. leastBand is for another processor or
// kernel. Above mostBand, too little is seen to call it a guard. On another
// processor or kernel a band is elsewhereBand times as wide.
const (
	bandWidth     = 3
	leastBand     = 1.1
	mostBand      = 1.5
	elsewhereBand = 1.5
)

// settle makes the bounds out of runs of one program, each of which has the same
// pairs.
func settle(runs [][]seen) ([]bound, error) {
	var out []bound
	for i, first := range runs[0] {
		var values, logs []float64
		b := bound{pair: first.pair}
		for _, run := range runs {
			s := run[i]
			if math.IsNaN(s.ratio) {
				return nil, fmt.Errorf("%v was not measured, %s", s.pair, s.absent)
			}
			values, logs = append(values, s.ratio), append(logs, math.Log(s.ratio))
			if !math.IsNaN(s.spread) {
				b.Spread = max(b.Spread, s.spread)
			}
		}
		b.Ratio = rounded(median(values))
		b.Band = rounded(max(leastBand, math.Exp(bandWidth*deviation(logs))))
		b.Spread = rounded(b.Spread)
		out = append(out, b)
	}
	return out, nil
}

// rounded has four significant digits, for a file that people compare.
func rounded(v float64) float64 {
	out, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64) // it has just been written
	return out
}

// deviation is the standard deviation of what the values are a sample of.
func deviation(values []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}
