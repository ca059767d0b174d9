package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// begin is what somebody without a project file needs to read.
const begin = `
To begin, write a file lanyard.yaml like this one into your project's folder:

    containers:
      here:
        host: true                # this machine's own system, read-only
    commands:
      hello: !Command
        description: Say hello
        container: here
        run: echo "Hello from $PWD"

Then run: lanyard hello
More: lanyard help, man lanyard
`

var errNoFolder = errors.New("cannot look for a project file: the current folder has been removed; go to another one")

// load reads the project file: the one named, else the nearest.
func (a *app) load(file string) (*plan.Plan, error) {
	if file == "" {
		if a.dir == "" {
			return nil, errNoFolder
		}
		found, err := plan.Find(a.dir)
		if err != nil {
			return nil, err
		}
		file = found
	}
	return plan.Load(file)
}

// badProject reports why there is no plan.
func (a *app) badProject(err error) int {
	var problems plan.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(a.err, problems)
		if len(problems) > 1 {
			a.fail("%d mistakes in %s; nothing was started", len(problems), problems[0].Pos.File)
		} else {
			a.fail("one mistake in %s; nothing was started", problems[0].Pos.File)
		}
		return run.ExitProject
	}
	a.fail("%v", err)
	return run.ExitProject
}

// getenv is lookup for those who don't care whether a variable is set.
func (a *app) getenv(name string) string {
	value, _ := a.lookup(name)
	return value
}

// unknown reports a word that is neither a command nor a verb.
func (a *app) unknown(p *plan.Plan, word string) int {
	known := commandNames(p, false)
	for _, v := range verbs() {
		known = append(known, v.name, strings.TrimPrefix(v.name, "_"))
	}
	hint := ""
	if near := plan.Nearest(word, known); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	a.fail("no command %q in %s%s", word, p.File, hint)
	fmt.Fprint(a.err, listing(p, 0))
	return run.ExitNotStarted
}

// commandNames are the names and aliases of all commands, without the hidden
// ones unless they are asked for.
func commandNames(p *plan.Plan, hidden bool) []string {
	var names []string
	for _, c := range p.Commands {
		if hidden || !isHidden(c) {
			names = append(append(names, c.Name), c.Aliases...)
		}
	}
	return names
}

func isHidden(c *plan.Command) bool { return strings.HasPrefix(c.Name, "_") }

func noProject(err error) bool { return errors.Is(err, plan.ErrNoProject) }
