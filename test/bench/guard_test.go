package main

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	startPair  = pair{"start", "start", "bare"}
	outputPair = pair{"output", "output", "cat | cat"}
	crunPair   = pair{"command", "whole process", "crun"}
)

// committedSample is what a quiet machine gave.
var committedSample = []bound{
	{startPair, 1.2, 1.25, 1.4},
	{outputPair, 0.6, 1.5, 1.3},
	{crunPair, 1.5, 1.1, 0},
}

// asCommitted is a run that gives the same again.
func asCommitted() []seen {
	return []seen{
		{pair: startPair, ratio: 1.2, spread: 1.2},
		{pair: outputPair, rate: true, ratio: 0.6, spread: 1.1},
		{pair: crunPair, ratio: 1.5, spread: math.NaN()},
	}
}

func noOther(string) string { return "" }

func TestCompare(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		name   string
		at     int // the pair that is changed
		change func(s *seen)
		want   outcome
		fails  bool
		noisy  bool
	}{
		{"the same", 0, func(*seen) {}, same, false, false},
		{"at the limit", 0, func(s *seen) { s.ratio = 1.499 }, same, false, false},
		{"slower", 0, func(s *seen) { s.ratio = 1.51 }, worse, true, false},
		{"slower, but noisy", 0, func(s *seen) { s.ratio, s.spread = 1.51, 2 }, worse, true, true},
		{"noisy alone", 0, func(s *seen) { s.spread = 2 }, same, false, true},
		{"faster", 0, func(s *seen) { s.ratio = 0.95 }, better, false, false},
		{"less output", 1, func(s *seen) { s.ratio = 0.39 }, worse, true, false},
		{"a little less output", 1, func(s *seen) { s.ratio = 0.41 }, same, false, false},
		{"more output", 1, func(s *seen) { s.ratio = 0.91 }, better, false, false},
		{"one round alone", 2, func(s *seen) { s.ratio = 1.7 }, worse, true, false},
		{"no figure", 0, func(s *seen) { s.ratio, s.spread = nan, nan }, unmeasured, true, false},
		{"a peer that is not there", 2, func(s *seen) { s.ratio, s.absent = nan, "crun: not installed" }, apart, false, false},
	} {
		now := asCommitted()
		test.change(&now[test.at])
		found := compare(committedSample, now, noOther)
		if len(found) != len(now) {
			t.Fatalf("%s: %d findings for %d pairs: %+v", test.name, len(found), len(now), found)
		}
		for i, f := range found {
			want, fails, noisy := same, false, false
			if i == test.at {
				want, fails, noisy = test.want, test.fails, test.noisy
			}
			if f.outcome != want || f.fails() != fails || f.noisy != noisy || f.pair != now[i].pair {
				t.Errorf("%s: %+v, want %s, failing %v, noisy %v", test.name, f, want, fails, noisy)
			}
		}
	}
}

func TestCompareNewRenamedAndOtherPeers(t *testing.T) {
	now := asCommitted()
	now[0].What = "renamed"
	now[2].ratio = 99
	found := compare(committedSample, now, func(peer string) string {
		if peer == "crun" {
			return "another version"
		}
		return ""
	})
	var got []outcome
	for _, f := range found {
		got = append(got, f.outcome)
	}
	if want := []outcome{fresh, same, apart, gone}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if last := found[3]; last.pair != startPair || !last.fails() {
		t.Errorf("the row that was renamed: %+v", last)
	}
}

func TestConclude(t *testing.T) {
	ok, bad := finding{pair: startPair, outcome: same}, finding{pair: crunPair, outcome: worse}
	noisy := finding{pair: outputPair, outcome: same, noisy: true}
	for _, test := range []struct {
		name  string
		found []finding
		err   string // part of it; "" for none
		said  string
	}{
		{"good", []finding{ok, ok, noisy}, "", "as before"},
		{"better", []finding{{outcome: better}, ok}, "", "make bench-band"},
		{"worse", []finding{ok, ok, noisy, bad}, "1 of 4 ratios fail, see above", "WORSE"},
		{"noise", []finding{ok, noisy}, "", "the machine is noisy: 1 of 2"},
		{"worse amid noise", []finding{bad, noisy}, "on a noisy machine", "the machine is noisy"},
		{"nothing to compare", []finding{{outcome: apart}, {outcome: fresh}}, "no ratio could be compared", ""},
		{"nothing at all", nil, "no ratio could be compared", ""},
	} {
		var out strings.Builder
		err := conclude(&out, test.found, []string{"kernel: 7, for the committed ratios 6"})
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, want %q", test.name, err, test.err)
		}
		if !strings.Contains(out.String(), test.said) || !strings.Contains(out.String(), "another machine, so the bands are 1.5 times as wide: kernel: 7") {
			t.Errorf("%s: it says\n%s", test.name, out.String())
		}
	}
}

func TestObserve(t *testing.T) {
	r := result{
		key: "sample",
		metrics: []metric{
			{what: "a", unit: "ms", budgets: []budget{{against: "crun", limit: 2}, {limit: 9}, {against: asRoot, limit: 1}, {against: "podman", limit: 1}}},
			{what: "b", unit: "ms", budgets: []budget{{limit: 9}}},
		},
		contestants: []samples{
			{name: lanyardName, values: [][]float64{{2, 4, 6}, {1, 1, 1}}},
			{name: "bare", values: [][]float64{{1, 1, 1}, {2, 2, 2}}},
			{name: "crun", values: [][]float64{{1, 1, 4}, {}}},
			{name: asRoot, missing: "not installed", values: [][]float64{nil, nil}},
		},
	}
	got := observe([]result{r})
	if len(got) != 3 || got[2].Against != "bare" || got[0].ratio != 2 || math.Abs(got[0].spread-3.6/1.6) > 1e-9 || got[0].absent != "" {
		t.Fatalf("a row with two peers: %+v", got)
	}
	if !math.IsNaN(got[1].ratio) || got[1].absent != "as root: not installed" {
		t.Errorf("a peer that is not there: %+v", got[1])
	}
	r.contestants[3].failed = true
	if got := observe([]result{r}); got[1].absent != "" {
		t.Errorf("a peer that failed is taken for one that is not there: %+v", got[1])
	}
	r.metrics[0].budgets = nil
	if got := observe([]result{r}); len(got) != 1 || got[0].Against != "bare" || got[0].ratio != 2 {
		t.Errorf("a row without a peer in a budget: %+v", got)
	}
	r.metrics[0].unit = "MB/s"
	if got := observe([]result{r}); !got[0].rate || got[0].ratio != 6 {
		t.Errorf("a rate: %+v", got)
	}
}

func TestSettle(t *testing.T) {
	var runs [][]seen
	for _, v := range []float64{1, 2, 4} {
		runs = append(runs, []seen{
			{pair: startPair, ratio: v, spread: v},
			{pair: crunPair, ratio: 1.5, spread: math.NaN()},
		})
	}
	got, err := settle(runs)
	// The logarithms' standard deviation is ln 2, three of which are a factor of 8.
	want := []bound{{startPair, 2, 8, 4}, {crunPair, 1.5, leastBand, 0}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("settle: %+v, %v; want %+v", got, err, want)
	}
	runs[1][1].ratio = math.NaN()
	if _, err := settle(runs); err == nil || !strings.Contains(err.Error(), crunPair.String()) {
		t.Errorf("a ratio that one run does not have: %v", err)
	}
}

func TestCommittedElsewhere(t *testing.T) {
	c := committed{Machine: []string{"processor: A", "kernel: Linux 6", "crun: crun version 1", "runc: not installed"}}
	now := []string{"processor: A", "kernel: Linux 7", "crun: crun version 2", "runc: not installed"}
	if got := c.elsewhere(now); len(got) != 1 || got[0] != "kernel: Linux 7, for the committed ratios Linux 6" {
		t.Errorf("elsewhere: %q", got)
	}
	for peer, differs := range map[string]bool{"crun": true, "runc": false, cloneName: false, catName: false} {
		if got := c.another(now)(peer); (got != "") != differs {
			t.Errorf("%s: %q", peer, got)
		}
	}
}

// TestWider: elsewhere a ratio may be half as bad again.
func TestWider(t *testing.T) {
	bounds := []bound{{pair: startPair, Ratio: 1, Band: 1.2}}
	for ratio, want := range map[float64]outcome{1.1: same, 1.3: worse, 2: worse} {
		if got := compare(bounds, []seen{{pair: startPair, ratio: ratio}}, noOther); got[0].outcome != want {
			t.Errorf("%v: %v", ratio, got)
		}
	}
	for ratio, want := range map[float64]outcome{1.7: same, 1.9: worse} {
		if got := compare(wider(bounds), []seen{{pair: startPair, ratio: ratio}}, noOther); got[0].outcome != want {
			t.Errorf("elsewhere, %v: %v", ratio, got)
		}
	}
	if bounds[0].Band != 1.2 {
		t.Error("the committed bounds were changed")
	}
}

// TestCommittedRatios: the committed file is about the rows that there are, and
// each that has a ratio is in it.
func TestCommittedRatios(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c, err := readCommitted("committed.json")
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorkshop("no such lanyard")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	var now []seen
	for _, e := range experiments(w, time.Second) {
		now = append(now, observe([]result{e.blank()})...)
	}
	for _, f := range compare(c.Ratios, now, noOther) {
		if f.outcome == gone || f.outcome == fresh {
			t.Errorf("%v: %s", f.pair, f.outcome)
		}
	}
	for _, b := range c.Ratios {
		if b.Band < leastBand || b.Ratio <= 0 {
			t.Errorf("%v: %+v", b.pair, b)
		}
	}
}

// TestRepeatFailed: what was worse by chance is not so any more; the rest is left
// alone.
func TestRepeatFailed(t *testing.T) {
	turns := map[string]int{}
	made := func(key string) experiment {
		return experiment{key: key, metrics: []metric{{what: key, unit: "ms"}}, contestants: []contestant{
			{name: lanyardName, measure: func() ([]float64, error) { turns[key]++; return []float64{1}, nil }},
			{name: "bare", measure: func() ([]float64, error) { return []float64{1}, nil }},
		}}
	}
	chosen := []experiment{made("fine"), made("chance")}
	results := []result{chosen[0].blank(), chosen[1].blank()}
	found := []finding{{pair: pair{Key: "fine"}, outcome: same}, {pair: pair{Key: "chance"}, outcome: worse}}
	if err := repeatFailed(context.Background(), chosen, found, results); err != nil {
		t.Fatal(err)
	}
	if turns["fine"] != 0 || turns["chance"] != repeatRounds+1 {
		t.Errorf("turns: %v, want %d and a warm-up of what failed alone", turns, repeatRounds)
	}
	if got := observe(results); got[1].ratio != 1 || !math.IsNaN(got[0].ratio) {
		t.Errorf("results: %+v", got)
	}
}
