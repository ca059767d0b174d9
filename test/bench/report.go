package main

import (
	"fmt"
	"math"
	"strings"
)

// header names the columns of a report.
var header = []string{
	"what", lanyardName, "bare", "peers", "ratio to", "median", "p90", "budget", "met",
}

// table turns results into rows of text: one for each metric, and one more
// for each further budget of it.
func table(results []result) [][]string {
	var rows [][]string
	for _, r := range results {
		for m := range r.metrics {
			rows = append(rows, metricRows(r, m)...)
		}
	}
	return rows
}

func metricRows(r result, m int) [][]string {
	metric := r.metrics[m]
	what := fmt.Sprintf("%s [%s]", metric.what, metric.unit)
	first := []string{what, figure(r, lanyardName, m), figure(r, "bare", m), peers(r, m)}
	if len(metric.budgets) == 0 {
		return [][]string{append(first, "", "", "", "", "")}
	}
	var rows [][]string
	for i, b := range metric.budgets {
		if i > 0 {
			first = []string{"", "", "", ""}
		}
		rows = append(rows, append(first, verdict(r, m, b)...))
	}
	return rows
}

// verdict is what stands behind the figures: ratio to, median, p90, budget,
// met. The median decides.
func verdict(r result, m int, b budget) []string {
	ours, _ := r.of(lanyardName)
	if b.against == "" {
		v := median(ours.values[m])
		return []string{"", "", number(worst(ours.values[m], b)), b.text(r.metrics[m].unit), yesNo(v, b)}
	}
	theirs, _ := r.of(b.against)
	var quotients []float64
	if len(theirs.values) > m {
		quotients = ratios(ours.values[m], theirs.values[m])
	}
	v := median(quotients)
	return []string{b.against, number(v), number(worst(quotients, b)), b.text(""), yesNo(v, b)}
}

// worst is the p90, from the side that the budget fears.
func worst(values []float64, b budget) float64 {
	if b.atLeast {
		return quantile(values, 0.1)
	}
	return quantile(values, 0.9)
}

// text says the budget in words; unit is that of an absolute one.
func (b budget) text(unit string) string {
	words := "at most"
	switch {
	case b.atLeast:
		words = "at least"
	case b.below:
		words = "below"
	}
	if b.against != "" {
		return fmt.Sprintf("%s %gx", words, b.limit)
	}
	return fmt.Sprintf("%s %g %s", words, b.limit, unit)
}

func yesNo(v float64, b budget) string {
	switch {
	case math.IsNaN(v):
		return "not measured"
	case b.met(v):
		return "yes"
	default:
		return "NO"
	}
}

// figure is a contestant's median, or a dash.
func figure(r result, name string, m int) string {
	s, found := r.of(name)
	if !found {
		return "-"
	}
	return number(median(s.values[m]))
}

// peers lists everybody else's medians.
func peers(r result, m int) string {
	var parts []string
	for _, s := range r.contestants {
		if s.name == lanyardName || s.name == "bare" {
			continue
		}
		parts = append(parts, s.name+" "+number(median(s.values[m])))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// number has three significant digits, or all before the point.
func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "too long"
	case math.IsNaN(v):
		return "-"
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// absences says why contestants have no figures, each reason once.
func absences(results []result) []string {
	var reasons []string
	keys := map[string][]string{}
	for _, r := range results {
		for _, s := range r.contestants {
			if s.missing == "" {
				continue
			}
			reason := s.name + ": " + s.missing
			if keys[reason] == nil {
				reasons = append(reasons, reason)
			}
			keys[reason] = append(keys[reason], r.key)
		}
	}
	var out []string
	for _, reason := range reasons {
		out = append(out, fmt.Sprintf("no figures in %s for %s", strings.Join(keys[reason], ", "), reason))
	}
	return out
}
