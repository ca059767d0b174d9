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
	return a.makeRoots(s, words, run.MakeOptions{Force: s.force})
}

// pull is _pull.
func (a *app) pull(s settings, words []string) int {
	return a.makeRoots(s, words, run.MakeOptions{Pull: true})
}

// makeRoots makes the roots of the containers that words name, or of all that
// have to be made.
func (a *app) makeRoots(s settings, words []string, o run.MakeOptions) int {
	p, err := a.load(s.file)
	if err != nil {
		return a.badProject(err)
	}
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	names := words
	if len(names) == 0 {
		for _, name := range containerNames(p) {
			if isMade(p.Containers[name]) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		c, ok := p.Containers[name]
		switch {
		case !ok:
			return a.noContainer(p, name)
		case len(c.Unsupported) > 0:
			a.fail("container %s needs what this version can't do: %s", name, c.Unsupported[0])
			return run.ExitProject
		case !isMade(c):
			a.fail("container %s has nothing to make: its system is a folder of this machine's", name)
			return run.ExitNotStarted
		}
		o.Containers = append(o.Containers, c)
	}
	if len(names) == 0 {
		fmt.Fprintf(a.out, "no container of %s has an image or a recipe\n", p.File)
		return 0
	}
	o.Plan, o.Settings, o.Progress = p, own, s.progress
	return a.make(o)
}

// isMade says whether a container's root is fetched or built.
func isMade(c *plan.Container) bool { return c.Image != "" || len(c.Setup) > 0 }

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

// madeNames are the containers that have something to make.
func madeNames(p *plan.Plan) []string {
	return slices.DeleteFunc(containerNames(p), func(name string) bool { return !isMade(p.Containers[name]) })
}
