package trend

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Sizes of a picture, in pixels.
const (
	panelWidth = 380
	panelGap   = 44
)

// Panel is one small picture, with room for its own axes.
type Panel struct {
	Title, Note string // above it, at the left and at the right
	X, Y        Axis
	Curves      []Curve
}

// Axis is what a panel shows of one direction. With Log, equal steps are equal
// factors, and From is greater than 0.
type Axis struct {
	Name     string // below it; only that of X is drawn
	From, To float64
	Log      bool
	Ticks    []Tick
}

// Tick is a number at an axis.
type Tick struct {
	At   float64
	Text string
}

// Curve is points with a line through them, or alone.
type Curve struct {
	X, Y   []float64
	Color  string
	Points bool // points alone
}

// SVG draws panels side by side, in rows of so many columns, each so many pixels
// high.
func SVG(columns, height int, panels []Panel) string {
	rows := (len(panels) + columns - 1) / columns
	whole, down := columns*(panelWidth+panelGap)+panelGap, rows*(height+panelGap)+panelGap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", whole, down)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", whole, down)
	for i, p := range panels {
		x, y := panelGap+i%columns*(panelWidth+panelGap), panelGap+i/columns*(height+panelGap)
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", x, y)
		p.draw(&b, float64(height))
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws a panel whose origin is the upper left corner.
func (p Panel) draw(b *strings.Builder, height float64) {
	fmt.Fprintf(b, `<text y="-6">%s</text>`+"\n", html.EscapeString(p.Title))
	fmt.Fprintf(b, `<text x="%d" y="-6" text-anchor="end">%s</text>`+"\n", panelWidth, html.EscapeString(p.Note))
	at := func(x, y float64) (float64, float64) {
		return panelWidth * p.X.share(x), height * (1 - p.Y.share(y))
	}
	for _, t := range p.X.Ticks {
		x, _ := at(t.At, p.Y.From)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y2="%.0f" stroke="#ddd"/>`+"\n", x, x, height)
		fmt.Fprintf(b, `<text x="%.1f" y="%.0f" text-anchor="middle">%s</text>`+"\n", x, height+13, html.EscapeString(t.Text))
	}
	fmt.Fprintf(b, `<text x="%d" y="%.0f" text-anchor="middle">%s</text>`+"\n", panelWidth/2, height+13, html.EscapeString(p.X.Name))
	for _, t := range p.Y.Ticks {
		_, y := at(p.X.From, t.At)
		fmt.Fprintf(b, `<line x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", panelWidth, y, y)
		fmt.Fprintf(b, `<text x="-4" y="%.1f" text-anchor="end">%s</text>`+"\n", y+4, html.EscapeString(t.Text))
	}
	fmt.Fprintf(b, `<rect width="%d" height="%.0f" fill="none" stroke="#999"/>`+"\n", panelWidth, height)
	for _, c := range p.Curves {
		c.draw(b, at)
	}
}

func (c Curve) draw(b *strings.Builder, at func(x, y float64) (float64, float64)) {
	if c.Points {
		for i := range c.X {
			x, y := at(c.X[i], c.Y[i])
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x, y, c.Color)
		}
		return
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" points="`, c.Color)
	for i := range c.X {
		x, y := at(c.X[i], c.Y[i])
		fmt.Fprintf(b, "%.1f,%.1f ", x, y)
	}
	b.WriteString(`"/>` + "\n")
}

// share is where on the axis a value lies: from 0 to 1.
func (a Axis) share(v float64) float64 {
	if a.Log {
		return math.Log(v/a.From) / math.Log(a.To/a.From)
	}
	return (v - a.From) / (a.To - a.From)
}

// Decades is a logarithmic axis from the power of ten below the least value to the
// one above the largest. Every value is greater than 0.
func Decades(values []float64) Axis {
	least, most := math.Inf(1), 0.0
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	first, last := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if first == last {
		last++
	}
	a := Axis{From: math.Pow(10, first), To: math.Pow(10, last), Log: true}
	for e := first; e <= last; e++ {
		a.Ticks = append(a.Ticks, Tick{math.Pow(10, e), fmt.Sprintf("%g", math.Pow(10, e))})
	}
	return a
}
