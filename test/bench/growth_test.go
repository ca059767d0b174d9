package main

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// grown is a course over the sizes of children.
func grown(l law, value func(n float64) float64) course {
	s := study{axis: "children", laws: []law{l}, experiment: experiment{key: "made", metrics: []metric{{what: "made up", unit: "ms"}}}}
	for _, n := range sizes {
		s.contestants = append(s.contestants, contestant{name: strconv.Itoa(n), measure: func() ([]float64, error) {
			return []float64{value(float64(n))}, nil
		}})
	}
	return s.courses(carryOut(context.Background(), s.experiment, 1))[0]
}

func TestGrowthVerdict(t *testing.T) {
	noise := func(size float64) func(n float64) float64 {
		i := 0
		return func(n float64) float64 { i++; return n * (1 + size*float64(i%2)) }
	}
	wild := map[float64]float64{1: 29, 2: 33, 5: 1.4, 10: 4, 20: 218, 50: 52, 100: 4.6, 200: 34, 500: 76}
	all, each := law{exponent: 1}, law{}
	for _, test := range []struct {
		name  string
		law   law
		value func(n float64) float64
		want  string
	}{
		{"linear", all, func(n float64) float64 { return 3 * n }, "yes"},
		{"linear and a constant", all, func(n float64) float64 { return 50 + 3*n }, "yes"},
		{"constant", all, func(float64) float64 { return 7 }, "yes"},
		{"noise of 10 %", all, noise(0.1), "yes"},
		{"noise that hides it", all, noise(2), "too noisy to tell"},
		{"noise without a slope", all, func(n float64) float64 { return wild[n] }, "too noisy to tell"},
		{"N log N", all, func(n float64) float64 { return n * math.Log(n) }, "NO"},
		{"square", all, func(n float64) float64 { return n * n }, "NO"},
		{"each costs the same", each, func(float64) float64 { return 2 }, "yes"},
		{"each costs more", each, math.Sqrt, "NO"},
		{"a rate that stays", law{rate: true}, func(float64) float64 { return 700 }, "yes"},
		{"a rate that rises", law{rate: true}, math.Sqrt, "yes"},
		{"a rate that falls", law{rate: true}, func(n float64) float64 { return 700 / n }, "NO"},
		{"nothing", law{exponent: 1, floor: 0.01}, func(float64) float64 { return 0 }, "yes"},
		{"not measured", law{exponent: 1, floor: 0.01}, func(float64) float64 { return math.NaN() }, "not measured"},
	} {
		if c := grown(test.law, test.value); c.verdict() != test.want {
			t.Errorf("%s: %s, want %s: %+v", test.name, c.verdict(), test.want, c)
		}
	}
}

func TestGrowthPage(t *testing.T) {
	holed := func(n float64) float64 {
		if n == 50 {
			return math.NaN()
		}
		return n / 10
	}
	all := []course{grown(law{exponent: 1, floor: 0.5}, holed)}
	var page strings.Builder
	growthPage(&page, report{Rounds: 1, Machine: []string{"processor: some"}}, all)
	for _, line := range []string{
		"| children | 1 | 2 | 5 | 10 | 20 | 50 | 100 | 200 | 500 | exponent | last | may be | kept |",
		"| made up [ms] | ≤ 0.5 | ≤ 0.5 | ≤ 0.5 | 1 | 2 | - | 10 | 20 | 50 | 1.00 ± 0.00 | 1.00 | at most 1.15 | yes |",
		"- processor: some",
	} {
		if !strings.Contains(page.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, page.String())
		}
	}
	picture := growthPicture(all)
	if n := strings.Count(picture, "<circle"); n != len(sizes)-1 || !strings.Contains(picture, "exponent 1.00") {
		t.Errorf("%d points, want one for each size but the one that is missing:\n%s", n, picture)
	}
}

// TestGrowthProjects holds the studies' projects against what lanyard reads.
func TestGrowthProjects(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w, err := newWorkshop("no such lanyard")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, s := range studies(w, time.Second) {
		if len(s.laws) != len(s.metrics) {
			t.Errorf("%s has %d laws for %d metrics", s.key, len(s.laws), len(s.metrics))
		}
		for _, c := range s.contestants {
			if c.missing != "" {
				t.Errorf("%s of %s: %s", s.key, c.name, c.missing)
			}
		}
	}
	for kind, more := range map[string]int{"hold": 0, "kill": 0, "busy": 0, "fall": 1} {
		for _, n := range []int{sizes[0], slices.Max(sizes)} {
			p, err := plan.Load(filepath.Join(w.dir, kind+"-"+strconv.Itoa(n), "lanyard.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(p.Commands[0].Children); got != n+more {
				t.Errorf("the project %s of %d has %d children, want %d", kind, n, got, n+more)
			}
		}
	}
}
