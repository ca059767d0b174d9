package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// who is a victim of an attack.
type who string

// The victims.
const (
	supervisor who = "supervisor"
	anyStage   who = "stage" // any of them
	theJanitor who = "janitor"
)

// means is how a victim is killed.
type means string

// The means. Where an OOM can't be had it is a KILL.
const (
	byKill means = "KILL"
	bySegv means = "SEGV"
	byAbrt means = "ABRT"
	byStop means = "STOP, then KILL"
	byOOM  means = "OOM"
	byTerm means = "TERM" // an orderly end
)

// blow is one victim and its death.
type blow struct {
	who who
	how means
}

// attack is when a round's victims die, and of what.
type attack struct {
	name   string // what it is counted under
	blows  []blow // one right after the other
	up     bool   // wait until all children's inits are there
	after  time.Duration
	told   bool // the supervisor gets a TERM before, and has this long:
	grace  time.Duration
	freeze bool // a command is frozen before; v1's freezer is thawed when the supervisor is gone
	// then ends the supervisor after the attack; "" leaves that to what it sees.
	then      means
	thenAfter time.Duration
	sweeps    bool // what is left outside the namespaces is for the next start
}

// kinds are what is attacked, as often as weight says.
var kinds = []struct {
	weight int
	blows  []blow
	// then is what follows: "" for nothing, "ends" for nothing, TERM or KILL.
	then string
}{
	{6, []blow{{supervisor, byKill}}, ""},
	{2, []blow{{supervisor, bySegv}}, ""},
	{2, []blow{{supervisor, byAbrt}}, ""},
	{2, []blow{{supervisor, byStop}}, ""},
	{1, []blow{{supervisor, byOOM}}, ""},
	{2, []blow{{anyStage, byKill}}, "ends"},
	{1, []blow{{anyStage, bySegv}}, "ends"},
	{1, []blow{{anyStage, byAbrt}}, "ends"},
	{1, []blow{{anyStage, byStop}}, "ends"},
	{1, []blow{{theJanitor, byKill}}, "ends"},
	{1, []blow{{theJanitor, bySegv}}, "ends"},
	{1, []blow{{theJanitor, byStop}}, "ends"},
	{1, []blow{{theJanitor, byAbrt}, {supervisor, byKill}}, ""},
	{2, []blow{{supervisor, byKill}, {theJanitor, byKill}}, ""},
	{3, []blow{{supervisor, byKill}, {anyStage, byKill}, {theJanitor, byKill}}, ""},
	{1, []blow{{supervisor, bySegv}, {anyStage, bySegv}, {theJanitor, bySegv}}, ""},
	{1, []blow{{supervisor, byAbrt}, {anyStage, byAbrt}, {theJanitor, byAbrt}}, ""},
	{1, []blow{{supervisor, byStop}, {anyStage, byStop}, {theJanitor, byStop}}, ""},
	{1, []blow{{anyStage, byOOM}}, "ends"},
	{1, []blow{{theJanitor, byOOM}}, "ends"},
	{1, []blow{{theJanitor, byStop}, {supervisor, bySegv}}, ""},
	{2, []blow{{supervisor, byTerm}}, ""},
}

func newAttack(rnd *rand.Rand, w *workshop, service bool) attack {
	all := 0
	for _, k := range kinds {
		all += k.weight
	}
	n, i := rnd.IntN(all), 0
	for n -= kinds[0].weight; n >= 0; n -= kinds[i].weight {
		i++
	}
	k := kinds[i]
	a := attack{blows: slices.Clone(k.blows)}
	a.name = a.title()
	hits := map[who]bool{}
	for _, b := range a.blows {
		hits[b.who] = true
	}
	rnd.Shuffle(len(a.blows), func(i, j int) {
		a.blows[i], a.blows[j] = a.blows[j], a.blows[i]
	})
	a.up, a.after = rnd.IntN(5) < 2, random(rnd, []time.Duration{15, 60, 250}[rnd.IntN(3)]*time.Millisecond)
	if a.up {
		a.after = random(rnd, 50*time.Millisecond)
	}
	if a.told = rnd.IntN(5) == 0 && a.blows[0].how != byTerm; a.told {
		a.grace = random(rnd, 60*time.Millisecond)
	}
	if k.then == "ends" {
		a.then = []means{byTerm, byKill}[rnd.IntN(2)]
		a.thenAfter = random(rnd, 100*time.Millisecond)
		if alone := rnd.IntN(2) == 0; alone && !service && a.blows[0] == (blow{anyStage, byKill}) {
			a.then = "" // a group ends when a child does
		}
	}
	a.sweeps = hits[theJanitor]
	a.freeze = rnd.IntN(6) == 0 && len(w.freezers) > 0 && hits[supervisor] && k.blows[0].how != byTerm
	return a
}

// title is what the attack is counted under.
func (a attack) title() string {
	if len(a.blows) == 3 {
		return fmt.Sprintf("all three %s", a.blows[0].how)
	}
	var words []string
	for _, b := range a.blows {
		words = append(words, fmt.Sprintf("%s %s", b.who, b.how))
	}
	return strings.Join(words, "; ")
}

func random(rnd *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rnd.Int64N(int64(most)))
}

func (a attack) String() string {
	text := a.name
	if a.up {
		text += " once all are up"
	}
	text += fmt.Sprintf(" after %v", a.after)
	if a.told {
		text += fmt.Sprintf(", %v after a TERM", a.grace)
	}
	if a.freeze {
		text += ", with a frozen command"
	}
	if a.then != "" {
		text += fmt.Sprintf("; the supervisor's end by %s after %v", a.then, a.thenAfter)
	}
	return text
}
