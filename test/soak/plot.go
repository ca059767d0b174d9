package main

import (
	"fmt"
	"strings"
	"time"
)

// Sizes of the plot, in pixels.
const (
	panelWidth  = 380
	panelHeight = 120
	panelGap    = 44
	columns     = 2
)

// plot draws each series in a panel of its own, from 0 to a little above its
// largest value, as an SVG.
func plot(samples []sample) string {
	var b strings.Builder
	rows := (len(all) + columns - 1) / columns
	width, height := columns*(panelWidth+panelGap)+panelGap, rows*(panelHeight+panelGap)+panelGap
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for i := range all {
		x, y := panelGap+i%columns*(panelWidth+panelGap), panelGap+i/columns*(panelHeight+panelGap)
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", x, y)
		panel(&b, &all[i], samples)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// panel draws one series. Its origin is the upper left corner.
func panel(b *strings.Builder, s *series, samples []sample) {
	most, length := 0.0, time.Duration(1)
	for i := range samples {
		most, length = max(most, s.of(&samples[i])), max(length, samples[i].at)
	}
	title := s.who + ": " + s.what
	if s.unit != "" {
		title += ", " + s.unit
	}
	fmt.Fprintf(b, `<text y="-6">%s</text>`+"\n", title)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="none" stroke="#999"/>`+"\n", panelWidth, panelHeight)
	fmt.Fprintf(b, `<text x="%d" y="-6" text-anchor="end">max %.1f</text>`+"\n", panelWidth, most)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%v</text>`+"\n", panelWidth, panelHeight+13, length.Round(time.Second))
	fmt.Fprintf(b, `<text y="%d">0</text>`+"\n", panelHeight+13)
	b.WriteString(`<polyline fill="none" stroke="#06c" points="`)
	for i := range samples {
		x := panelWidth * float64(samples[i].at) / float64(length)
		y := panelHeight * (1 - s.of(&samples[i])/max(most*1.1, 1e-9))
		fmt.Fprintf(b, "%.1f,%.1f ", x, y)
	}
	b.WriteString(`"/>` + "\n")
}
