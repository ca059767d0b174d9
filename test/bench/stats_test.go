package main

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name   string
		values []float64
		q      float64
		want   float64
	}{
		{"none", nil, 0.5, nan},
		{"only failures", []float64{nan, nan}, 0.5, nan},
		{"one", []float64{7}, 0.9, 7},
		{"odd, unsorted", []float64{9, 1, 5}, 0.5, 5},
		{"even", []float64{4, 1, 2, 3}, 0.5, 2.5},
		{"p90", []float64{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, 0.9, 90},
		{"a failure does not count", []float64{nan, 1, 3}, 0.5, 2},
		{"too long, more often than not", []float64{math.Inf(1), 1, math.Inf(1)}, 0.9, math.Inf(1)},
		{"largest", []float64{3, 8}, 1, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := quantile(tt.values, tt.q)
			if got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
				t.Errorf("quantile(%v, %v) = %v, want %v", tt.values, tt.q, got, tt.want)
			}
		})
	}
}

func TestRatiosGoRoundByRound(t *testing.T) {
	got := ratios([]float64{2, 9, 1}, []float64{1, 3})
	if len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Errorf("ratios = %v, want [2 3]", got)
	}
}
