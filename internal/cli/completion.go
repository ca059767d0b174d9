package cli

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
	"github.com/spf13/cobra"
)

// completeVerb is what the scripts call: "lanyard __complete WORD... CURRENT",
// in the conversation that cobra's scripts for zsh and fish hold, and
// "lanyard __complete --bash LINE WORDBREAKS" by our own script for bash.
const completeVerb = cobra.ShellCompRequestCmd

// bashScript is ours because cobra's needs the package bash-completion, which
// a server often lacks.
//
//go:embed completion.bash
var bashScript string

// completion prints the script for one shell.
func (a *app) completion(_ settings, words []string) int {
	var err error
	switch words[0] {
	case "bash":
		_, err = fmt.Fprint(a.out, bashScript)
	case "zsh":
		err = Tree().GenZshCompletion(a.out)
	case "fish":
		err = Tree().GenFishCompletion(a.out, true)
	default:
		hint := ""
		if near := plan.Nearest(words[0], []string{"bash", "zsh", "fish"}); near != "" {
			hint = fmt.Sprintf(" (did you mean %s?)", near)
		}
		return a.usage(usagef("no completion for %q%s", words[0], hint), verbNamed("completion").usage())
	}
	if err != nil {
		a.fail("cannot print the script: %v", err)
		return run.ExitInternal
	}
	return 0
}

// complete answers a completion script. It never complains: what it prints
// would land in the middle of somebody's command line.
func (a *app) complete(args []string) int {
	c := completer{load: a.load, names: a.names}
	if len(args) == 3 && args[0] == "--bash" {
		a.completeBash(c, args[1], args[2])
		return 0
	}
	if len(args) == 0 {
		return run.ExitUsage
	}
	o := c.complete(args[:len(args)-1], args[len(args)-1])
	for _, candidate := range o.candidates {
		fmt.Fprintln(a.out, strings.TrimSuffix(candidate.word+"\t"+candidate.about, "\t"))
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if o.files {
		directive = cobra.ShellCompDirectiveDefault
	}
	fmt.Fprintf(a.out, ":%d\n", directive)
	return 0
}

// completeBash prints one candidate on a line, or ":files". bash replaces only
// what stands behind the last of its break characters, so the part before it
// is left out of the candidates.
func (a *app) completeBash(c completer, line, breaks string) {
	words := shellWords(line, a.getenv("HOME"))
	if len(words) < 2 {
		return
	}
	current := words[len(words)-1]
	o := c.complete(words[1:len(words)-1], current)
	option := strings.TrimSuffix(current, valuePart(current))
	if strings.Contains(breaks, "=") {
		option = ""
	}
	for _, candidate := range o.candidates {
		fmt.Fprintln(a.out, option+candidate.word)
	}
	if o.files {
		fmt.Fprintln(a.out, ":files")
	}
}
