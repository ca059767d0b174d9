package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// report is everything that a run found out.
type report struct {
	Machine []string
	Rounds  int
	Results []result
}

// plain writes the report for a terminal.
func (r report) plain(out io.Writer) {
	rows := append([][]string{header}, table(r.Results)...)
	widths := make([]int, len(header))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(out, "%-*s  ", widths[i], cell)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out)
	for _, line := range append(absences(r.Results), r.Machine...) {
		fmt.Fprintln(out, line)
	}
}

// introduction explains the columns to a reader of the committed report.
const introduction = `# Performance

Measured by ` + "`make bench MD=docs/performance.md`" + `; written by that program, not by hand.
In each of %d rounds every contestant runs once, in turn, so noise hits all alike.
Figures are medians. Ratios are taken round by round; the median of the ratios decides whether a
budget is met, and p90 is their ninth decile (for an absolute budget: that of the figures; the first
decile where the budget is a floor). What the filter of system calls costs has three times as many rounds.

*bare* is test/bench/bare: the same namespaces and mounts as a default ` + "`rootfs:`" + ` container, the
command as PID 1, no protocol; a program of its own, with a start of its own. *bare, cloned in place*
is its inner half alone, cloned by a program that is running already. Every command is
test/bench/probe, which costs next to nothing itself. The OCI runtimes get the same container as far
as a config.json can say it, podman, docker and systemd-nspawn as far as their options can; *no
container* is the command alone. crun, runc, podman, docker and systemd-nspawn make the same
namespaces and a root: lanyard has to be ahead of them. bwrap makes both too, but with less in it:
nothing masked in ` + "`/proc` and `/sys`" + `, no filter of system calls.

supervisord, runit, s6, foreman and concurrently start processes on the host. They are the floor of
what a group costs: where lanyard is slower to start or needs more memory, namespaces, a root and a
PID 1 for each child are the difference; where it is faster, the others look for changes once or ten
times a second, start an interpreter, or run ps to find what they have to end. Each is set up as its
manual has it, without a log of its own and without waiting for a child to count as started.
*no supervisor* is the children from a shell, into the same pipe. "Too long" is more than five seconds.

How all this grows with the number of children: [growth.md](growth.md). Where the time of a start
goes, what was tried, and why some rows say NO: [ADR 0022](adr/0022-where-a-start-goes.md).

`

// markdown writes the report for docs/.
func (r report) markdown(out io.Writer) {
	fmt.Fprintf(out, introduction, r.Rounds)
	line := func(cells []string) {
		escaped := make([]string, len(cells))
		for i, c := range cells {
			escaped[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(escaped, " | "))
	}
	line(header)
	fmt.Fprintf(out, "|%s\n", strings.Repeat("---|", len(header)))
	for _, row := range table(r.Results) {
		line(row)
	}
	if missing := absences(r.Results); len(missing) > 0 {
		fmt.Fprint(out, "\n## Without figures\n\n")
		for _, m := range missing {
			fmt.Fprintf(out, "- %s\n", strings.Join(strings.Fields(m), " "))
		}
	}
	fmt.Fprint(out, "\n## The machine\n\n")
	for _, m := range r.Machine {
		fmt.Fprintf(out, "- %s\n", m)
	}
}

// json writes every sample.
func (r report) json(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// MarshalJSON gives one row for each metric. JSON has no NaN and no infinity: a
// round without a value is null.
func (r result) MarshalJSON() ([]byte, error) {
	type row struct {
		What, Unit string
		Samples    map[string][]*float64
	}
	var rows []row
	for m, metric := range r.metrics {
		one := row{What: metric.what, Unit: metric.unit, Samples: map[string][]*float64{}}
		for _, s := range r.contestants {
			for _, v := range s.values[m] {
				var cell *float64
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					cell = &v
				}
				one.Samples[s.name] = append(one.Samples[s.name], cell)
			}
		}
		rows = append(rows, one)
	}
	return json.Marshal(struct {
		Key    string
		Rounds int
		Rows   []row
	}{r.key, r.rounds, rows})
}
