// Package trend fits lines to figures and draws them, for the programs that ask
// whether something grows. What the figures are, and what they may do, is decided
// above it.
package trend

import "math"

// Line is y = Start + Slope*x.
type Line struct {
	Start, Slope float64
	// Error is the standard error of the slope, from how far the points lie off
	// the line; NaN for fewer than three of them.
	Error float64
}

// Fit makes the line through points with the least squares. Fewer than two
// different xs have no line: the slope is NaN.
func Fit(x, y []float64) Line {
	n := float64(len(x))
	var meanX, meanY float64
	for i := range x {
		meanX, meanY = meanX+x[i]/n, meanY+y[i]/n
	}
	var above, below float64
	for i := range x {
		above += (x[i] - meanX) * (y[i] - meanY)
		below += (x[i] - meanX) * (x[i] - meanX)
	}
	l := Line{Slope: above / below, Error: math.NaN()}
	l.Start = meanY - l.Slope*meanX
	if len(x) > 2 {
		off := 0.0
		for i := range x {
			off += math.Pow(y[i]-l.Start-l.Slope*x[i], 2)
		}
		l.Error = math.Sqrt(off / (n - 2) / below)
	}
	return l
}

// Power fits y = c * x^Slope, as a line through the logarithms; Start is ln c.
// Every x and y is greater than 0.
func Power(x, y []float64) Line { return Fit(logs(x), logs(y)) }

func logs(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(v)
	}
	return out
}
