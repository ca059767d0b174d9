package cli

import (
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// commandCandidates are the words that may stand as COMMAND. Those with an
// underscore are only offered to somebody who began one.
func commandCandidates(p *plan.Plan, underscore bool) []candidate {
	var out []candidate
	for _, c := range p.Commands {
		about := oneLine(c.Description)
		if underscore || !isHidden(c) {
			out = append(out, candidate{c.Name, about})
		}
		for _, alias := range c.Aliases {
			out = append(out, candidate{alias, about})
		}
	}
	for _, v := range verbs() {
		if underscore {
			out = append(out, candidate{v.name, v.about})
		} else {
			out = append(out, candidate{strings.TrimPrefix(v.name, "_"), v.about})
		}
	}
	return distinct(out)
}

// after offers words behind COMMAND.
func (c completer) after(p *plan.Plan, name string, words []string, current string) offer {
	if v := verbNamed(name); v != nil {
		return c.afterVerb(p, v, words, current)
	}
	if command, ok := p.Command(name); ok {
		return c.afterCommand(p, command, words, current)
	}
	if v := verbFor(name); v != nil {
		return c.afterVerb(p, v, words, current)
	}
	return offer{}
}

// afterCommand offers words behind a command of the project.
func (c completer) afterCommand(p *plan.Plan, command *plan.Command, words []string, current string) offer {
	if keepsWords(command) {
		return offer{files: true}
	}
	known := optionsOf(command)
	s, _, _, ok := last(known, words)
	if !ok {
		return offer{}
	}
	o, _ := c.option(p, command, known, s, current)
	return o
}

// afterVerb offers words behind one of lanyard's verbs.
func (c completer) afterVerb(p *plan.Plan, v *verb, words []string, current string) offer {
	if v.foreign {
		s, err := scan(v.options, words)
		if err != nil {
			return offer{}
		}
		if len(s.rest) > 0 {
			return offer{files: true}
		}
		if o, ok := c.option(c.verbPlan(p, s.given), nil, v.options, s, current); ok {
			return o
		}
		if v.name != "_run" {
			return offer{files: true}
		}
		return offer{candidates: containerCandidates(c.verbPlan(p, s.given), anyContainer, nil)}
	}
	s, options, used, ok := last(v.options, words)
	if !ok {
		return offer{}
	}
	if o, found := c.option(p, nil, v.options, s, current); found || v.most >= 0 && len(used) >= v.most {
		return o
	}
	switch v.name {
	case "_build", "_version_hash":
		return offer{candidates: containerCandidates(c.verbPlan(p, options), isMade, used)}
	case "_pull":
		return offer{candidates: containerCandidates(c.verbPlan(p, options), isImaged, used)}
	case "completion":
		return offer{candidates: []candidate{{word: "bash"}, {word: "zsh"}, {word: "fish"}}}
	case "ctl":
		var o offer
		for _, known := range ctlCommands() {
			o.candidates = append(o.candidates, candidate{known.name, known.about})
		}
		return o
	case "help":
		return offer{candidates: commandCandidates(p, strings.HasPrefix(current, "_"))}
	}
	return offer{}
}

// verbPlan is the project that a verb's own --file names, else p.
func (c completer) verbPlan(p *plan.Plan, options []given) *plan.Plan {
	for _, g := range options {
		if g.option == &optFile && len(g.values) > 0 {
			return c.plan(options)
		}
	}
	return p
}

// containerCandidates are the containers that wants accepts, without those that
// stand there already.
func containerCandidates(p *plan.Plan, wants func(*plan.Plan, *plan.Container) bool, used []string) []candidate {
	var out []candidate
	for _, name := range containerNames(p) {
		if wants(p, p.Containers[name]) && !slices.Contains(used, name) {
			out = append(out, candidate{word: name, about: "container"})
		}
	}
	return out
}

func anyContainer(*plan.Plan, *plan.Container) bool { return true }

// last scans words to the end and returns the state there, and the options and
// other words before it.
func last(known []*option, words []string) (s scanned, options []given, used []string, ok bool) {
	for {
		s, err := scan(known, words)
		options = append(options, s.given...)
		switch {
		case err != nil:
			return s, options, used, false
		case s.ended:
			return s, options, append(used, s.rest...), true
		case len(s.rest) == 0:
			return s, options, used, true
		}
		used = append(used, s.rest[0])
		words = s.rest[1:]
	}
}
