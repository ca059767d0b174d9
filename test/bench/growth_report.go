package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/test/trend"
)

// fitFrom is the least size that is fitted: below it, what lanyard costs without
// any child is most of a figure and makes the curve flatter than it is.
const fitFrom = 20

// tolerance is how much more than its law the exponent may be. From 20 to 500, the
// curve N·log N has an exponent of 1.22 and is to be told from N; noise of 10 % in
// each median is worth 0.04.
const tolerance = 0.15

// mostError is the most that twice the exponent's standard error may be: points that
// lie all over the place have no exponent.
const mostError = 0.3

// course is what one metric did.
type course struct {
	metric
	law
	axis   string
	names  []string  // of the sizes, as they are in the table
	values []float64 // the medians, at least the law's floor; NaN where there is none
	// Those that were measured.
	sizes, measured []float64
	line            trend.Line
	fitted          int     // points in the fit
	last            float64 // exponent between the last two
}

// courses are those of a study's metrics.
func (s study) courses(r result) []course {
	var out []course
	for m := range s.metrics {
		c := course{metric: s.metrics[m], law: s.laws[m], axis: s.axis, last: math.NaN()}
		for _, size := range r.contestants {
			v := max(median(size.values[m]), s.laws[m].floor)
			c.names, c.values = append(c.names, size.name), append(c.values, v)
			if n, err := strconv.ParseFloat(size.name, 64); err == nil && !math.IsNaN(v) {
				c.sizes, c.measured = append(c.sizes, n), append(c.measured, v)
			}
		}
		if from := slices.IndexFunc(c.sizes, func(n float64) bool { return n >= fitFrom }); from >= 0 {
			c.line, c.fitted = trend.Power(c.sizes[from:], c.measured[from:]), len(c.sizes)-from
		}
		if n := len(c.sizes); n >= 2 {
			c.last = trend.Power(c.sizes[n-2:], c.measured[n-2:]).Slope
		}
		out = append(out, c)
	}
	return out
}

// verdict says whether a metric keeps its law. Twice the exponent's standard error
// has to fit into the tolerance too, or noise could hide what it is.
func (c course) verdict() string {
	beyond := c.line.Slope - c.exponent
	if c.rate {
		beyond = -c.line.Slope - c.exponent
	}
	switch {
	case c.fitted < 3:
		return "not measured"
	case beyond > tolerance:
		return "NO"
	case 2*c.line.Error > mostError, beyond+2*c.line.Error > tolerance:
		return "too noisy to tell"
	default:
		return "yes"
	}
}

// allowed is the law in words.
func (c course) allowed() string {
	if c.rate {
		return fmt.Sprintf("at least %g", -c.exponent-tolerance)
	}
	return fmt.Sprintf("at most %g", c.exponent+tolerance)
}

// cells are what the table says of a metric: a figure for each size, and the fit.
func (c course) cells() []string {
	cells := []string{fmt.Sprintf("%s [%s]", c.what, c.unit)}
	for _, v := range c.values {
		cell := number(v)
		if v == c.floor {
			cell = "≤ " + cell
		}
		cells = append(cells, cell)
	}
	return append(cells, fmt.Sprintf("%.2f ± %.2f", c.line.Slope, 2*c.line.Error), fmt.Sprintf("%.2f", c.last), c.allowed(), c.verdict())
}

// panel is a metric's picture: its medians, and the fit.
func (c course) panel() trend.Panel {
	x := trend.Decades(append([]float64{1}, c.sizes...))
	x.Name = c.axis
	p := trend.Panel{
		Title: fmt.Sprintf("%s, %s", c.what, c.unit), Note: fmt.Sprintf("exponent %.2f", c.line.Slope),
		X: x, Y: trend.Decades(c.measured),
		Curves: []trend.Curve{{X: c.sizes, Y: c.measured, Color: "#06c", Points: true}},
	}
	if c.fitted >= 2 {
		fit := trend.Curve{Color: "#c30"}
		for _, x := range []float64{fitFrom, c.sizes[len(c.sizes)-1]} {
			fit.X, fit.Y = append(fit.X, x), append(fit.Y, math.Exp(c.line.Start)*math.Pow(x, c.line.Slope))
		}
		p.Curves = append(p.Curves, fit)
	}
	return p
}

// growthIntroduction explains the page.
const growthIntroduction = `# How cost grows

Measured by ` + "`make bench-growth`" + `; written by that program, not by hand. In each of %d rounds
every size runs once, in turn; figures are medians. Nothing may grow faster than the number of
children: what all of them cost together has an exponent of 1 at most, what one of them costs, or one
byte, of 0.

The exponent is the slope of a line through the logarithms, from %d children on: what lanyard costs
without any child would make the curve flatter than it is. ± is twice its standard error. It may be
%g more than the law says: N·log N would be 0.22 more, and noise of 10 %% in each figure is worth 0.04.
Where ± is more than %g, or more than is left of what may be, the figures are too noisy to tell.
*Last* is the exponent between the two largest sizes, for the eye.

![each figure over the number of children, both axes logarithmic, with the fitted line](growth.svg)
`

// growthPage writes the report of studies for docs/.
func growthPage(out io.Writer, r report, all []course) {
	fmt.Fprintf(out, growthIntroduction, r.Rounds, fitFrom, tolerance, mostError)
	axis := ""
	for _, c := range all {
		if c.axis != axis {
			axis = c.axis
			head := slices.Concat([]string{axis}, c.names, []string{"exponent", "last", "may be", "kept"})
			fmt.Fprintf(out, "\n| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(c.cells(), " | "))
	}
	for i, m := range append(absences(r.Results), r.Machine...) {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "- %s\n", strings.Join(strings.Fields(m), " "))
	}
}

// growthPicture draws them.
func growthPicture(all []course) string {
	var panels []trend.Panel
	for _, c := range all {
		if len(c.sizes) > 0 {
			panels = append(panels, c.panel())
		}
	}
	return trend.SVG(3, 200, panels)
}
