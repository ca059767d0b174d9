package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// command runs a command of the project.
func (a *app) command(s settings, p *plan.Plan, c *plan.Command, args []string) int {
	if !keepsWords(c) {
		options, words, err := scanAll(optionsOf(c), args)
		if err == nil {
			err = s.apply(options, a.lookup)
		}
		if err == nil && !s.help && len(words) > 0 {
			err = usagef("%q is one word too many: %s takes no arguments", words[0], c.Name)
		}
		if err != nil && !c.Supervise {
			err = usagef("%v; to pass words on to %s write accepts-arguments: true at %s", err, c.Name, c.Pos)
		}
		if err != nil {
			return a.usage(err, commandUsage(c))
		}
		args = nil
	}
	if s.help {
		return a.show(commandHelp(c))
	}
	if !c.Supervise && len(s.only)+len(s.exclude) > 0 {
		return a.usage(usagef("--only and --exclude choose children of a group, and %s is a single command", c.Name), commandUsage(c))
	}
	return a.start(s, p, c, args)
}

// start runs c with the user's settings.
func (a *app) start(s settings, p *plan.Plan, c *plan.Command, args []string) int {
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	return a.run(run.Options{
		Plan: p, Settings: own, Command: c, Args: args,
		Only: s.only, Exclude: s.exclude, Environ: slices.Concat(s.passed, s.environ),
		Format: s.format, Timestamps: s.timestamps, Dir: a.dir, Manager: a.manager, NoBuild: s.noBuild, Progress: s.progress,
	})
}

// runIn is _run: a command that the project file does not have.
func (a *app) runIn(s settings, words []string) int {
	p, err := a.load(s.file)
	if err != nil {
		return a.badProject(err)
	}
	name := words[0]
	box, ok := p.Containers[name]
	if !ok {
		return a.noContainer(p, name)
	}
	process := &plan.Process{
		Pos: box.Pos, ContainerPos: box.Pos, RunPos: box.Pos,
		Name: words[1], Container: name, Run: words[1:], WorkDir: s.workDir,
	}
	if s.writable {
		process.WriteMode = plan.Transient
	}
	return a.start(s, p, &plan.Command{Pos: box.Pos, Name: words[1], Children: []*plan.Process{process}}, nil)
}

func (a *app) noContainer(p *plan.Plan, name string) int {
	names := containerNames(p)
	hint := ""
	if near := plan.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	a.fail("no container %q in %s%s; containers: %s", name, p.File, hint, strings.Join(names, ", "))
	return run.ExitNotStarted
}

func containerNames(p *plan.Plan) []string {
	var names []string
	for name := range p.Containers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// keepsWords says whether every word after the command's name is its own.
func keepsWords(c *plan.Command) bool {
	return !c.Supervise && c.Children[0].AcceptsArguments
}

// optionsOf are lanyard's options that may stand after the command's name.
func optionsOf(c *plan.Command) []*option {
	switch {
	case keepsWords(c):
		return nil
	case c.Supervise:
		return groupOptions
	}
	return commandOptions
}

// commandUsage is how a command of the project is written.
func commandUsage(c *plan.Command) string {
	switch {
	case keepsWords(c):
		return "lanyard [OPTION...] " + c.Name + " [ARGUMENT...]"
	case c.Supervise:
		return "lanyard [OPTION...] " + c.Name + " [--only NAME...] [--exclude NAME...]"
	}
	return "lanyard [OPTION...] " + c.Name
}
