package main

import (
	"math"
	"time"

	"github.com/lanyard-dev/lanyard/test/trend"
)

// series is one thing that was measured over time.
type series struct {
	who, what, unit string
	of              func(*sample) float64
	// It may grow by this share of its mean, or by so much, whichever is more.
	share, least float64
}

// all are the things that have to be flat. Go's garbage collector lets the heap
// breathe, and a sample meets a start or up to ten clients: hence the bounds. What
// is lost at each restart or connection, a descriptor or some hundred bytes,
// passes them within minutes: there are a restart and four connections a second.
var all = []series{
	{"group", "PSS", "KiB", func(s *sample) float64 { return s.group.PSS }, 0.05, 512},
	{"group", "RSS", "KiB", func(s *sample) float64 { return s.group.RSS }, 0.05, 768},
	{"group", "descriptors", "", func(s *sample) float64 { return s.group.Descriptors }, 0, 1},
	{"group", "threads", "", func(s *sample) float64 { return s.group.Threads }, 0, 2},
	{"group", "goroutines", "", func(s *sample) float64 { return s.group.Goroutines }, 0, 1},
	{"group", "live heap", "KiB", func(s *sample) float64 { return s.group.Heap }, 0.05, 128},
	{"group", "CPU", "% of a core", func(s *sample) float64 { return s.group.CPU }, 0.3, 0.5},
	{"service", "PSS", "KiB", func(s *sample) float64 { return s.service.PSS }, 0.05, 512},
	{"service", "RSS", "KiB", func(s *sample) float64 { return s.service.RSS }, 0.05, 768},
	{"service", "descriptors", "", func(s *sample) float64 { return s.service.Descriptors }, 0, 2.5},
	{"service", "threads", "", func(s *sample) float64 { return s.service.Threads }, 0, 2},
	{"service", "goroutines", "", func(s *sample) float64 { return s.service.Goroutines }, 0, 5},
	{"service", "live heap", "KiB", func(s *sample) float64 { return s.service.Heap }, 0.05, 128},
	{"service", "CPU", "% of a core", func(s *sample) float64 { return s.service.CPU }, 0.3, 0.5},
	{"inits", "RSS", "KiB", func(s *sample) float64 { return s.inits }, 0.02, 1024},
}

// warmUp is the time at the beginning that is not looked at: heaps and thread pools
// come to their size, which takes Go some collections, one in two minutes at least.
func warmUp(length time.Duration) time.Duration { return min(length/2, 5*time.Minute) }

// line is what is fitted to a series.
type line struct {
	first, mean, last, max float64 // without the warm-up
	growth                 float64 // of the fitted line over that time
	bound                  float64
}

func (l line) flat() bool { return l.growth <= l.bound }

// fit makes the line through samples with the least squares.
func (s *series) fit(samples []sample, length time.Duration) line {
	var times, values []float64
	for i := range samples {
		if at := samples[i].at; at >= warmUp(length) {
			times, values = append(times, at.Seconds()), append(values, s.of(&samples[i]))
		}
	}
	if len(times) < 2 {
		return line{}
	}
	l := line{first: values[0], last: values[len(values)-1]}
	for _, v := range values {
		l.mean, l.max = l.mean+v/float64(len(values)), max(l.max, v)
	}
	l.bound = math.Max(s.share*l.mean, s.least)
	l.growth = trend.Fit(times, values).Slope * (times[len(times)-1] - times[0])
	return l
}
