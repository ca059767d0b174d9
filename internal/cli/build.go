package cli

import (
	"fmt"
	"slices"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/recipe"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// build is _build.
func (a *app) build(s settings, words []string) int {
	m := making{lacks: "neither image nor recipe", wants: isMade, told: func(c *plan.Container, made bool) string {
		switch {
		case !made:
			return "is there already"
		case c.Image != "":
			return "fetched"
		}
		return "built"
	}}
	return a.makeRoots(s, words, m, run.MakeOptions{Force: s.force})
}

// pull is _pull.
func (a *app) pull(s settings, words []string) int {
	m := making{lacks: "no image", wants: isImaged, told: func(_ *plan.Container, made bool) string {
		if made {
			return "a new image was fetched"
		}
		return "its image is up to date"
	}}
	return a.makeRoots(s, words, m, run.MakeOptions{Pull: true})
}

// making is what differs between verbs that make roots.
type making struct {
	lacks string // what a container has for which there is nothing to do
	wants func(*plan.Plan, *plan.Container) bool
	told  func(c *plan.Container, made bool) string // what came of one
}

// isMade says whether a container's root is fetched or built.
func isMade(_ *plan.Plan, c *plan.Container) bool { return c.Image != "" || len(c.Setup) > 0 }

// isImaged says whether a container's root begins with an image.
func isImaged(p *plan.Plan, c *plan.Container) bool { return p.Imaged(c.Name) != nil }

// makeRoots makes the roots of the containers that words name, or of all for which
// there is something to do.
func (a *app) makeRoots(s settings, words []string, m making, o run.MakeOptions) int {
	p, err := a.load(s.file)
	if err != nil {
		return a.badProject(err)
	}
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	names := words
	if len(words) == 0 {
		names = a.wanted(p, m)
	}
	for _, name := range names {
		c, ok := p.Containers[name]
		switch {
		case !ok:
			return a.noContainer(p, name)
		case len(p.UnsupportedIn(name)) > 0:
			return a.unsupported(p, name)
		case !m.wants(p, c):
			a.fail("container %s has %s: its root is %s", name, m.lacks, rootText(p, c))
			return run.ExitNotStarted
		case o.Pull:
			c = p.Imaged(name)
		}
		if !slices.Contains(o.Containers, c) {
			o.Containers = append(o.Containers, c)
		}
	}
	say := func(format string, args ...any) {
		if s.progress == "" { // neither --quiet nor --json
			fmt.Fprintf(a.out, format+"\n", args...)
			_ = a.out.Flush() // Main reports what is wrong with it
		}
	}
	if len(names) == 0 {
		say("nothing to do: every container of %s has %s", p.File, m.lacks)
		return 0
	}
	o.Plan, o.Settings, o.Progress = p, own, s.progress
	o.Tell = func(c *plan.Container, made bool) { say("%s: %s", c.Name, m.told(c, made)) }
	return a.make(o)
}

// wanted are the containers for which there is something to do. One that this
// version can't make is told about: what needs it says the same when it runs.
func (a *app) wanted(p *plan.Plan, m making) []string {
	var names []string
	for _, name := range containerNames(p) {
		if bad := p.UnsupportedIn(name); len(bad) > 0 {
			a.fail("warning: container %s is left out: %s", name, bad[0])
		} else if m.wants(p, p.Containers[name]) {
			names = append(names, name)
		}
	}
	return names
}

// unsupported reports that a container can't be made in this version.
func (a *app) unsupported(p *plan.Plan, name string) int {
	a.fail("container %s needs what this version can't do:", name)
	for _, w := range p.UnsupportedIn(name) {
		fmt.Fprintf(a.err, "  %s\n", w)
	}
	return run.ExitProject
}

// versionHash is _version_hash.
func (a *app) versionHash(s settings, words []string) int {
	p, err := a.load(s.file)
	if err != nil {
		return a.badProject(err)
	}
	c, ok := p.Containers[words[0]]
	if !ok {
		return a.noContainer(p, words[0])
	}
	if len(p.UnsupportedIn(c.Name)) > 0 {
		return a.unsupported(p, c.Name)
	}
	if !isMade(p, c) {
		a.fail("container %s has no version, because its root is %s; an image or a recipe has one", c.Name, rootText(p, c))
		return run.ExitNotStarted
	}
	version, err := recipe.Version(p, c, nil)
	if err != nil {
		a.fail("%v", err)
		return run.ExitNotStarted
	}
	if s.short {
		version = version[:8]
	}
	fmt.Fprintln(a.out, version)
	return 0
}
