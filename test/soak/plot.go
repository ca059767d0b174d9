package main

import (
	"fmt"
	"time"

	"github.com/lanyard-dev/lanyard/test/trend"
)

// plot draws each series in a panel of its own, from 0 to a little above its
// largest value, as an SVG.
func plot(samples []sample) string {
	length := time.Duration(1)
	for i := range samples {
		length = max(length, samples[i].at)
	}
	panels := make([]trend.Panel, len(all))
	for i := range all {
		panels[i] = all[i].panel(samples, length)
	}
	return trend.SVG(2, 120, panels)
}

func (s *series) panel(samples []sample, length time.Duration) trend.Panel {
	most, curve := 0.0, trend.Curve{Color: "#06c"}
	for i := range samples {
		v := s.of(&samples[i])
		most = max(most, v)
		curve.X, curve.Y = append(curve.X, samples[i].at.Seconds()), append(curve.Y, v)
	}
	title := s.who + ": " + s.what
	if s.unit != "" {
		title += ", " + s.unit
	}
	end := trend.Tick{At: length.Seconds(), Text: length.Round(time.Second).String()}
	return trend.Panel{
		Title: title, Note: fmt.Sprintf("max %.1f", most), Curves: []trend.Curve{curve},
		X: trend.Axis{To: length.Seconds(), Ticks: []trend.Tick{{Text: "0"}, end}},
		Y: trend.Axis{To: max(most*1.1, 1e-9), Ticks: []trend.Tick{{Text: "0"}}},
	}
}
