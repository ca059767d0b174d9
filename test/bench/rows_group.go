package main

import (
	"fmt"
	"time"
)

// groupSizes are the sizes of groups that are started and ended, each with the
// rounds that it is worth: starting 200 children takes some supervisors seconds.
var groupSizes = []struct{ children, maxRounds int }{{2, 0}, {10, 10}, {siblings, 5}, {200, 3}}

// untilTerm reports and then ends when TERM comes, also as PID 1, which a signal
// without a handler does not end.
var untilTerm = []string{probePath, "mowt", upPath}

// groupRows: groups of every size, from the spawn of the supervisor to all up, and
// from the signal that ends it in order to nothing left.
func groupRows(w *workshop) []experiment {
	var out []experiment
	for _, size := range groupSizes {
		e := experiment{
			key: fmt.Sprintf("group-%d", size.children), maxRounds: size.maxRounds,
			metrics: []metric{
				{what: fmt.Sprintf("%d children: spawn of the supervisor to all up", size.children), unit: "ms"},
				{what: fmt.Sprintf("%d children: TERM to nothing left", size.children), unit: "ms"},
			},
		}
		for _, s := range append(w.supervisors(), w.podmanGroup(), w.dockerCompose()) {
			if s.missing == "" && s.most > 0 && size.children > s.most {
				s.missing = fmt.Sprintf("only measured with up to %d children", s.most)
			}
			e.contestants = append(e.contestants, w.setOut(s, e.key, repeat(untilTerm, size.children), upAndGone))
		}
		out = append(out, e)
	}
	return out
}

// upAndGone is what a start and an orderly end take. podman and docker are given
// time to be there for signals.
func upAndGone(c *crew) ([]float64, error) {
	if c.s.elsewhere {
		time.Sleep(settled)
	}
	gone, err := c.disband()
	return []float64{milliseconds(c.took), gone}, err
}
