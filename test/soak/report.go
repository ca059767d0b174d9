package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is what came of a soak.
type report struct {
	length   time.Duration
	begun    time.Time
	own      bool // the lanyard was this program
	samples  []sample
	visits   visited
	failures []string
}

func (r *report) fail(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// finish ends both lanyards and judges.
func (r *report) finish(s *soak) {
	for _, sub := range []*subject{s.service, s.group} {
		left, err := sub.end()
		if err != nil {
			r.fail("%v", err)
		}
		if len(left) > 0 {
			r.fail("of the %s the processes %v are left", sub.name, left)
		}
	}
	if len(r.samples) < 8 {
		r.fail("%d samples are too few", len(r.samples))
		return
	}
	if r.visits.wrong != nil {
		r.fail("a client: %v", r.visits.wrong)
	}
	// Each takes the second's delay, and a start; a busy machine takes longer.
	if least := uint64(r.length.Seconds() / 3); r.visits.restarts < least {
		r.fail("%d restarts are less than %d", r.visits.restarts, least)
	}
	for _, one := range all {
		if l := one.fit(r.samples, r.length); !l.flat() {
			r.fail("%s of the %s grows by %.2f %s, more than %.2f", one.what, one.who, l.growth, one.unit, l.bound)
		}
	}
}

// String is the report in Markdown.
func (r *report) String() string {
	var b strings.Builder
	user := "root"
	if os.Geteuid() != 0 {
		user = fmt.Sprintf("uid %d", os.Geteuid())
	}
	fmt.Fprintf(&b, "%v as %s on %d processors: %d samples, a group of %d children, %d restarts of the service, %d connections, %d states read\n\n",
		r.length.Round(time.Second), user, runtime.NumCPU(), len(r.samples), children, r.visits.restarts, r.visits.connections, r.visits.states)
	b.WriteString("| of | what | first | mean | max | last | fitted growth | allowed |\n|---|---|---|---|---|---|---|---|\n")
	for _, one := range all {
		l := one.fit(r.samples, r.length)
		if l.max == 0 {
			fmt.Fprintf(&b, "| %s | %s | not measured | | | | | |\n", one.who, one.what)
			continue
		}
		unit := one.unit
		if unit != "" {
			unit = ", " + unit
		}
		fmt.Fprintf(&b, "| %s | %s%s | %.1f | %.1f | %.1f | %.1f | %+.2f | %.2f |\n", one.who, one.what, unit, l.first, l.mean, l.max, l.last, l.growth, l.bound)
	}
	fmt.Fprintf(&b, "\nThe first %v are left out.\n", warmUp(r.length).Round(time.Second))
	for _, f := range r.failures {
		fmt.Fprintf(&b, "FAILED: %s\n", f)
	}
	return b.String()
}
