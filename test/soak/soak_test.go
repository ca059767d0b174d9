package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestMain makes this binary lanyard when it is called so, as main does.
func TestMain(m *testing.M) {
	testkit.Main(m, func(name string, args []string) int {
		answer()
		return cli.Main(name, args)
	})
}

// TestSoak is a short one: everything is there and is measured. What grows within
// seconds is not judged.
func TestSoak(t *testing.T) {
	testkit.RequireTool(t, "busybox")
	testkit.Require(t, testkit.UserNS)
	runtime.LockOSThread() // both die with this thread
	s, err := newSoak("")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	r, err := s.run(context.Background(), testkit.Slow(6*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.failures {
		if !strings.Contains(f, " grows by ") {
			t.Error(f)
		}
	}
	for _, one := range all {
		if l := one.fit(r.samples, r.length); l.max == 0 && one.what != "CPU" && one.what != "live heap" {
			t.Errorf("%s of the %s has not been measured", one.what, one.who)
		}
	}
	if r.visits.connections < clients || r.visits.states < r.visits.connections {
		t.Errorf("%+v", r.visits)
	}
	t.Log(r)
	if _, err := os.Stat(s.path("service/control")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("control: %v", err)
	}
}

// made makes samples of an hour with one value each.
func made(value func(i int) float64) []sample {
	samples := make([]sample, 240)
	for i := range samples {
		samples[i].at = time.Duration(i) * 15 * time.Second
		samples[i].group.Descriptors = value(i)
	}
	return samples
}

// TestFit: a leak is found, and neither noise nor the warm-up is taken for one.
func TestFit(t *testing.T) {
	descriptors := all[2]
	for name, test := range map[string]struct {
		value func(i int) float64
		flat  bool
	}{
		"flat":                 {func(int) float64 { return 120 }, true},
		"noise":                {func(i int) float64 { return 120 + float64(i*7919%11) }, true},
		"a warm-up":            {func(i int) float64 { return 120 - max(0, float64(20-i)) }, true},
		"one more every 3 min": {func(i int) float64 { return 120 + float64(i/12) }, false},
		"less":                 {func(i int) float64 { return 120 - float64(i/12) }, true},
	} {
		l := descriptors.fit(made(test.value), time.Hour)
		if l.flat() != test.flat {
			t.Errorf("%s: %+v", name, l)
		}
	}
	l := descriptors.fit(made(func(i int) float64 { return float64(i) }), time.Hour)
	if l.growth < 218 || l.growth > 220 || l.last != 239 || l.max != 239 {
		t.Errorf("of 219 in the 55 minutes after the warm-up: %+v", l)
	}
}

func TestPlotIsXML(t *testing.T) {
	text := plot(made(func(i int) float64 { return float64(i) }))
	lines := 0
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	if lines != len(all) {
		t.Errorf("%d lines for %d series", lines, len(all))
	}
}
