package cli

import (
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
	s, _, ok := last(known, words)
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
		return offer{candidates: containerCandidates(c.verbPlan(p, s.given))}
	}
	s, used, ok := last(v.options, words)
	if !ok {
		return offer{}
	}
	if o, found := c.option(p, nil, v.options, s, current); found || used >= v.most {
		return o
	}
	switch v.name {
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

func containerCandidates(p *plan.Plan) []candidate {
	var out []candidate
	for _, name := range containerNames(p) {
		out = append(out, candidate{word: name, about: "container"})
	}
	return out
}

// last scans words to the end and returns the state there and how many words
// belonged to no option.
func last(known []*option, words []string) (s scanned, used int, ok bool) {
	for {
		s, err := scan(known, words)
		if err != nil {
			return s, used, false
		}
		if s.ended {
			return s, used + len(s.rest), true
		}
		if len(s.rest) == 0 {
			return s, used, true
		}
		used++
		words = s.rest[1:]
	}
}
