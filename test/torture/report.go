package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// String is the report, in Markdown.
func (t *tally) String() string {
	var b strings.Builder
	user := "root"
	if os.Geteuid() != 0 {
		user = fmt.Sprintf("uid %d", os.Geteuid())
	}
	fmt.Fprintf(&b, "%d rounds as %s in %v, %d lanes, first seed %d: %d failed\n", t.played, user, t.took.Round(time.Second), t.lanes, t.seed, t.failures)
	fmt.Fprintf(&b, "limits: %s; frozen commands: %s; death for want of memory: %s\n\n", can(t.w.limits), can(len(t.w.freezers) > 0), can(t.w.memory != ""))
	b.WriteString("Time to clean in ms, from the death (or, where the supervisor ended by itself, from that end) to the first look that found nothing:\n\n")
	b.WriteString("| death | rounds | median | p99 | max |\n|---|---|---|---|---|\n")
	var all, swept []time.Duration
	for _, name := range slices.Sorted(maps.Keys(t.deaths)) {
		d := t.deaths[name]
		fmt.Fprintf(&b, "| %s | %d %s\n", name, d.rounds, summary(d.clean))
		all, swept = append(all, d.clean...), append(swept, d.swept...)
	}
	fmt.Fprintf(&b, "| all | %d %s\n", len(all), summary(all))
	fmt.Fprintf(&b, "| after the next start, where the janitor was attacked | %d %s\n\n", len(swept), summary(swept))
	fmt.Fprintf(&b, "slowest: seed %d with %v (%s)\n", t.slowest.seed, t.slowest.took.Round(time.Millisecond), t.slowest.what)
	for _, note := range slices.Sorted(maps.Keys(t.notes)) {
		fmt.Fprintf(&b, "%s: %d times\n", note, t.notes[note])
	}
	if len(t.left) == 0 {
		b.WriteString("leftovers: none\n")
	}
	for _, kind := range slices.Sorted(maps.Keys(t.left)) {
		fmt.Fprintf(&b, "leftovers of kind %s: %d\n", kind, t.left[kind])
	}
	return b.String()
}

func can(yes bool) string {
	if yes {
		return "yes"
	}
	return "not here"
}
