package trend

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	x := []float64{1, 2, 3, 4}
	if l := Fit(x, []float64{5, 7, 9, 11}); l.Slope != 2 || l.Start != 3 || l.Error != 0 {
		t.Errorf("3 + 2x is fitted as %+v", l)
	}
	// By hand: the residuals are -1, 1, 1, -1 and the xs' squares add up to 5.
	if l := Fit(x, []float64{0, 2, 2, 0}); l.Slope != 0 || l.Start != 1 || math.Abs(l.Error-math.Sqrt(2./5)) > 1e-12 {
		t.Errorf("a hill is fitted as %+v", l)
	}
	if l := Fit(x[:2], []float64{1, 2}); l.Slope != 1 || !math.IsNaN(l.Error) {
		t.Errorf("two points are fitted as %+v", l)
	}
	for _, few := range [][]float64{nil, {3}, {3, 3}} {
		if l := Fit(few, few); !math.IsNaN(l.Slope) {
			t.Errorf("the points at %v have the slope %v", few, l.Slope)
		}
	}
}

func TestPower(t *testing.T) {
	l := Power([]float64{1, 10, 100}, []float64{5, 500, 50000})
	if math.Abs(l.Slope-2) > 1e-12 || math.Abs(math.Exp(l.Start)-5) > 1e-9 {
		t.Errorf("5x² is fitted as %+v", l)
	}
}

func TestDecades(t *testing.T) {
	for _, test := range []struct {
		values   []float64
		from, to float64
		ticks    int
	}{
		{[]float64{3, 70, 2}, 1, 100, 3},
		{[]float64{0.02, 0.3}, 0.01, 1, 3},
		{[]float64{10, 10}, 10, 100, 2},
	} {
		a := Decades(test.values)
		if a.From != test.from || a.To != test.to || len(a.Ticks) != test.ticks {
			t.Errorf("of %v: %+v", test.values, a)
		}
	}
}

// TestSVG reads a picture back: what stands where.
func TestSVG(t *testing.T) {
	text := SVG(2, 220, []Panel{
		{Title: "a < b", Note: "no", X: Axis{From: 1, To: 100, Log: true}, Y: Decades([]float64{1, 10}),
			Curves: []Curve{{X: []float64{1, 10, 100}, Y: []float64{1, 10, 1}, Color: "red", Points: true}}},
		{X: Axis{To: 10}, Y: Axis{To: 4}, Curves: []Curve{{X: []float64{0, 5}, Y: []float64{4, 1}, Color: "red"}}},
	})
	var circles, lines []string
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, _ := token.(xml.StartElement)
		values := map[string]string{}
		for _, a := range e.Attr {
			values[a.Name.Local] = a.Value
		}
		switch e.Name.Local {
		case "circle":
			circles = append(circles, values["cx"]+","+values["cy"])
		case "polyline":
			lines = append(lines, values["points"])
		}
	}
	if got, want := strings.Join(circles, " "), "0.0,220.0 190.0,0.0 380.0,220.0"; got != want {
		t.Errorf("points at %s, want %s", got, want)
	}
	if got, want := strings.Join(lines, " "), "0.0,0.0 190.0,165.0 "; got != want {
		t.Errorf("the line goes %s, want %s", got, want)
	}
}
