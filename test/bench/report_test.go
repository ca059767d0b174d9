package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestBudgetMet(t *testing.T) {
	tests := []struct {
		name  string
		b     budget
		value float64
		want  bool
	}{
		{"at most, the limit", budget{limit: 2}, 2, true},
		{"at most, above", budget{limit: 2}, 2.01, false},
		{"below, the limit", budget{limit: 2, below: true}, 2, false},
		{"below", budget{limit: 2, below: true}, 1.99, true},
		{"at least, the limit", budget{limit: 0.5, atLeast: true}, 0.5, true},
		{"at least, less", budget{limit: 0.5, atLeast: true}, 0.49, false},
		{"not measured", budget{limit: 2}, math.NaN(), false},
		{"not measured, a floor", budget{limit: 2, atLeast: true}, math.NaN(), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.b.met(tt.value); got != tt.want {
				t.Errorf("met(%v) = %v, want %v", tt.value, got, tt.want)
			}
		})
	}
}

// sampleExperiment has figures that are known, a peer that is missing and one
// that fails in its third turn.
func sampleExperiment() experiment {
	always := func(v float64) func() ([]float64, error) {
		return func() ([]float64, error) { return []float64{v}, nil }
	}
	turns := 0
	return experiment{
		key: "sample",
		metrics: []metric{
			{what: "a | b", unit: "ms", budgets: []budget{{against: "bare", limit: 1.5}, {limit: 1}}},
			{what: "a second", unit: "MB"},
		},
		contestants: []contestant{
			{name: lanyardName, measure: always(3)},
			{name: "bare", measure: always(2.5)},
			{name: "crun", missing: "not installed"},
			{name: "runc", measure: func() ([]float64, error) {
				if turns++; turns == 3 {
					return nil, errors.New("fell over")
				}
				return []float64{9}, nil
			}},
		},
	}
}

func TestTable(t *testing.T) {
	r := carryOut(context.Background(), sampleExperiment(), 4)
	want := [][]string{
		{"a | b [ms]", "3", "2.5", "crun -, runc -", "bare", "1.2", "1.2", "at most 1.5x", "yes"},
		{"", "", "", "", "", "", "3", "at most 1 ms", "NO"},
		{"a second [MB]", "-", "-", "crun -, runc -", "", "", "", "", ""},
	}
	got := table([]result{r})
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("table:\n%q\nwant\n%q", got, want)
	}
	missing := absences([]result{r, r})
	wantMissing := []string{
		"no figures in sample, sample for crun: not installed",
		"no figures in sample, sample for runc: fell over",
	}
	if !slices.Equal(missing, wantMissing) {
		t.Errorf("absences = %q, want %q", missing, wantMissing)
	}
}

func TestMarkdownEscapesBars(t *testing.T) {
	r := report{Rounds: 1, Results: []result{carryOut(context.Background(), sampleExperiment(), 1)}}
	var out strings.Builder
	r.markdown(&out)
	if !strings.Contains(out.String(), `| a \| b [ms] | 3 |`) {
		t.Errorf("the bar in a name is not escaped:\n%s", out.String())
	}
}

func TestJSONHasEverySample(t *testing.T) {
	r := report{Rounds: 2, Results: []result{carryOut(context.Background(), sampleExperiment(), 2)}}
	var out strings.Builder
	if err := r.json(&out); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Results []struct {
			Key  string
			Rows []struct{ Samples map[string][]*float64 }
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil {
		t.Fatal(err)
	}
	rows := back.Results[0].Rows
	if back.Results[0].Key != "sample" || len(rows) != 2 {
		t.Fatalf("results: %+v", back.Results)
	}
	if s := rows[0].Samples[lanyardName]; len(s) != 2 || *s[0] != 3 {
		t.Errorf("samples of the first metric: %v, want two of 3", s)
	}
	if s := rows[1].Samples["bare"]; len(s) != 2 || s[0] != nil {
		t.Errorf("samples that nobody gave: %v, want two nulls", s)
	}
}

// TestTooLong has a figure that is no number.
func TestTooLong(t *testing.T) {
	r := result{key: "stop", metrics: []metric{{what: "x", unit: "ms"}}, contestants: []samples{
		{name: "slow", values: [][]float64{{math.Inf(1)}}},
	}}
	if got := peers(r, 0); got != "slow too long" {
		t.Errorf("the figure is %q", got)
	}
	data, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(data), `"slow":[null]`) {
		t.Errorf("in JSON: %s, %v", data, err)
	}
}

func TestInterruptEndsAnExperiment(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	turns := 0
	e := experiment{key: "endless", metrics: []metric{{what: "x"}}, contestants: []contestant{{
		name: lanyardName,
		measure: func() ([]float64, error) {
			turns++
			cancel()
			return []float64{1}, nil
		},
	}}}
	carryOut(ctx, e, 1000)
	if turns != 1 {
		t.Errorf("%d turns after an interrupt in the first", turns)
	}
}

func TestInitSums(t *testing.T) {
	trace := `init internal/bytealg @0.005 ms, 0.25 ms clock, 0 bytes, 0 allocs
something else of the program
init ` + stagePackage + ` @0.3 ms, 0.5 ms clock, 4000 bytes, 20 allocs
init os @0.9 ms, 1 ms clock, 0 bytes, 0 allocs
`
	least := map[string]float64{"os": 2, stagePackage: 0.1}
	whole, stage, err := initSums(trace, least)
	if least["os"] != 1 || least[stagePackage] != 0.1 || least["internal/bytealg"] != 0.25 {
		t.Errorf("the least of each: %v", least)
	}
	if err != nil || whole != 1.75 || stage != 0.75 {
		t.Errorf("initSums = %v, %v, %v; want 1.75 and 0.75", whole, stage, err)
	}
	if _, stage, _ := initSums("init os @0.9 ms, 1 ms clock, 0 bytes, 0 allocs\n", map[string]float64{}); !math.IsNaN(stage) {
		t.Errorf("a program without a stage has %v before it", stage)
	}
	if _, _, err := initSums("lanyard: unknown flag\n", map[string]float64{}); err == nil {
		t.Error("no error for a program without a trace")
	}
}
