package cli

import (
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// candidate is a word that may stand where the cursor is.
type candidate struct{ word, about string }

// offer is what completion has to say about one place.
type offer struct {
	candidates []candidate
	files      bool // names of files are right too
}

// completer finds what may stand at the end of a command line.
type completer struct {
	load  func(file string) (*plan.Plan, error)
	names func() []string // of the caller's variables
}

// complete says what current may become after words. After --NAME= the
// candidates stand for the part behind the "=".
func (c completer) complete(words []string, current string) offer {
	return matching(c.at(words, current), valuePart(current))
}

// valuePart is the part of a word that candidates stand for.
func valuePart(current string) string {
	if isOption(current) {
		if _, value, found := strings.Cut(current, "="); found {
			return value
		}
	}
	return current
}

func matching(o offer, prefix string) offer {
	o.candidates = slices.DeleteFunc(o.candidates, func(c candidate) bool {
		return !strings.HasPrefix(c.word, prefix)
	})
	return o
}

func (c completer) at(words []string, current string) offer {
	s, err := scan(mainOptions, words)
	if err != nil {
		return offer{}
	}
	p := c.plan(s.given)
	if len(s.rest) > 0 {
		return c.after(p, s.rest[0], s.rest[1:], current)
	}
	if o, ok := c.option(p, nil, mainOptions, s, current); ok {
		return o
	}
	return offer{candidates: commandCandidates(p, strings.HasPrefix(current, "_"))}
}

// plan is the project that the options before COMMAND name; an empty one if it
// can't be read, because completion has nowhere to complain.
func (c completer) plan(options []given) *plan.Plan {
	file := ""
	for _, g := range options {
		if g.option == &optFile && len(g.values) > 0 {
			file = g.values[0]
		}
	}
	p, err := c.load(file)
	if err != nil {
		return &plan.Plan{}
	}
	return p
}

// option offers what belongs to options: their values, or their names. ok is
// false where another word is as good.
func (c completer) option(p *plan.Plan, group *plan.Command, known []*option, s scanned, current string) (o offer, ok bool) {
	switch name, _, attached := strings.Cut(current, "="); {
	case s.open != nil && (s.needsValue() || !isOption(current)):
		return c.value(s.open, p, group, current), true
	case s.ended || !isOption(current) && current != "-":
		return offer{}, false
	case attached:
		if opt := byName(known, name); opt != nil && opt.value != "" {
			return c.value(opt, p, group, valuePart(current)), true
		}
		return offer{}, true
	}
	for _, opt := range known {
		o.candidates = append(o.candidates, candidate{"--" + opt.long, opt.help})
	}
	return o, true
}

// value offers values of an option.
func (c completer) value(o *option, p *plan.Plan, group *plan.Command, current string) offer {
	switch o {
	case &optOnly, &optExclude:
		return offer{candidates: listed(childCandidates(p, group), current)}
	case &optOutput:
		return offer{candidates: []candidate{{"prefix", "the child's name before each line"}, {"raw", "as it comes"}, {"json", "an object for each line"}}}
	case &optAtLeast:
		return offer{candidates: []candidate{{"10days", ""}, {"2weeks", ""}, {"36h", ""}, {"0", "all that does not run"}}}
	case &optUseEnv:
		var out offer
		for _, name := range c.names() {
			out.candidates = append(out.candidates, candidate{word: name})
		}
		return out
	case &optFile, &optWorkDir, &optDirectory:
		return offer{files: true}
	}
	return offer{}
}

// listed puts what stands before the last comma of current in front of each
// candidate that does not stand there yet.
func listed(all []candidate, current string) []candidate {
	i := strings.LastIndexByte(current, ',')
	if i < 0 {
		return all
	}
	before, used := current[:i+1], strings.Split(current[:i], ",")
	var out []candidate
	for _, c := range all {
		if !slices.Contains(used, c.word) {
			out = append(out, candidate{before + c.word, c.about})
		}
	}
	return out
}

// childCandidates are the children and tags of a group, of all groups if the
// group isn't known yet.
func childCandidates(p *plan.Plan, group *plan.Command) []candidate {
	groups := p.Commands
	if group != nil {
		groups = []*plan.Command{group}
	}
	var children, tags []candidate
	for _, g := range groups {
		if !g.Supervise {
			continue
		}
		for _, child := range g.Children {
			children = append(children, candidate{child.Name, oneLine(child.Description)})
			for _, tag := range child.Tags {
				tags = append(tags, candidate{tag, "tag"})
			}
		}
	}
	return distinct(append(children, tags...))
}

// distinct keeps the first candidate of each word.
func distinct(all []candidate) []candidate {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(c candidate) bool {
		known := seen[c.word]
		seen[c.word] = true
		return known
	})
}
