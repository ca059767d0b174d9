package plan

import (
	"cmp"
	"slices"
)

// Command returns the command with this name or alias.
func (p *Plan) Command(name string) (*Command, bool) {
	for _, c := range p.Commands {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c, true
		}
	}
	return nil, false
}

// Imaged returns the container whose image the root of the container name
// begins with: that one itself, or one that its recipe starts from. It is nil if
// there is none.
func (p *Plan) Imaged(name string) *Container {
	seen := map[string]bool{} // a file may still have a circle, see loader.bases
	for !seen[name] {
		seen[name] = true
		c, ok := p.Containers[name]
		switch {
		case !ok:
			return nil
		case c.Image != "" || len(c.Setup) > 0 && c.Setup[0].Kind == StepImage:
			return c
		}
		name = c.Base()
	}
	return nil
}

// UnsupportedIn returns the known words that keep the container name from being
// made, in the order of the file: its own, and those of what it is built from.
func (p *Plan) UnsupportedIn(name string) []Word { return inFileOrder(p.containerWords(name)) }

// UnsupportedFor returns the known words that keep these children of c from
// running, in the order of the file: those of c, of the children, of their
// containers, of what those are built from, of the containers that their
// volumes show, and those at top level if a container is not in the file. It
// does not follow init-command, because a volume that is filled doesn't need it.
func (p *Plan) UnsupportedFor(c *Command, children []*Process) []Word {
	words := slices.Clone(c.Unsupported)
	for _, child := range children {
		words = append(words, child.Unsupported...)
		words = append(words, p.containerWords(child.Container)...)
		words = append(words, p.volumeWords(child.Volumes)...)
		if box, ok := p.Containers[child.Container]; ok {
			words = append(words, p.volumeWords(box.Volumes)...)
		}
	}
	return inFileOrder(words)
}

// containerWords are those of a container and of all that it is built from; of
// one that the file does not have, what it may come from. A !CapsuleCommand has
// none, and says so itself.
func (p *Plan) containerWords(name string) []Word {
	var words []Word
	for name != "" {
		box, ok := p.Containers[name]
		if !ok {
			return append(words, p.Unsupported...)
		}
		words = append(words, box.Unsupported...)
		name = box.Base()
	}
	return words
}

// volumeWords are the words of the containers that volumes show.
func (p *Plan) volumeWords(volumes []Volume) []Word {
	var words []Word
	for _, v := range volumes {
		words = append(words, p.containerWords(v.From)...)
	}
	return words
}

// AllUnsupported returns every known word that does not work, in the order of
// the file.
func (p *Plan) AllUnsupported() []Word {
	words := slices.Clone(p.Unsupported)
	for _, c := range p.Containers {
		words = append(words, c.Unsupported...)
	}
	for _, c := range p.Commands {
		words = append(words, c.Unsupported...)
		for _, child := range c.Children {
			words = append(words, child.Unsupported...)
		}
	}
	return inFileOrder(words)
}

// inFileOrder sorts words and drops repetitions, which come from shared
// containers and from aliases.
func inFileOrder(words []Word) []Word {
	slices.SortStableFunc(words, func(a, b Word) int {
		return cmp.Or(a.Pos.compare(b.Pos), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(words)
}
