package cli

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// What the scripts call: "lanyard __complete WORD... CURRENT" for shells that
// split a line into words, "lanyard __complete_bash LINE WORDBREAKS" for bash,
// which splits at "=" as well. Both answer with a candidate on each line, the
// former with a tab and its meaning behind it, and with filesToo.
const (
	completeVerb     = "__complete"
	completeBashVerb = "__complete_bash"
	filesToo         = ":files"
)

// The scripts are ours because cobra's run the words of the unfinished line
// through eval, and its one for bash needs the package bash-completion, which
// a server often lacks.
var (
	//go:embed completion.bash
	bashScript string
	//go:embed completion.zsh
	zshScript string
	//go:embed completion.fish
	fishScript string
)

// completion prints the script for one shell.
func (a *app) completion(_ settings, words []string) int {
	switch words[0] {
	case "bash":
		fmt.Fprint(a.out, bashScript)
	case "zsh":
		fmt.Fprint(a.out, zshScript)
	case "fish":
		fmt.Fprint(a.out, fishScript)
	default:
		hint := ""
		if near := plan.Nearest(words[0], []string{"bash", "zsh", "fish"}); near != "" {
			hint = fmt.Sprintf(" (did you mean %s?)", near)
		}
		return a.usage(usagef("no completion for %q%s", words[0], hint), verbNamed("completion").usage())
	}
	return 0
}

// complete answers a script for zsh or fish; words end with the one under the
// cursor. Nothing here complains: it would land in the middle of somebody's
// command line.
func (a *app) complete(words []string) int {
	option, o := a.offer(words)
	for _, c := range o.candidates {
		fmt.Fprintln(a.out, strings.TrimSuffix(option+c.word+"\t"+c.about, "\t"))
	}
	a.offerFiles(o)
	return 0
}

// completeBash answers the script for bash. bash replaces only what stands
// behind the last of its break characters.
func (a *app) completeBash(line, breaks string) int {
	words := shellWords(line)
	option, o := a.offer(words[1:])
	if strings.Contains(breaks, "=") {
		option = ""
	}
	for _, c := range o.candidates {
		fmt.Fprintln(a.out, option+c.word)
	}
	a.offerFiles(o)
	return 0
}

func (a *app) offerFiles(o offer) {
	if o.files {
		fmt.Fprintln(a.out, filesToo)
	}
}

// offer completes the last of words. option is the --NAME= that stands in
// front of what the candidates replace.
func (a *app) offer(words []string) (option string, o offer) {
	if len(words) == 0 {
		return "", offer{}
	}
	before, current := words[:len(words)-1], words[len(words)-1]
	for i, word := range before {
		if rest, ok := strings.CutPrefix(word, "~/"); ok {
			before[i] = a.getenv("HOME") + "/" + rest
		}
	}
	o = completer{load: a.load, names: a.names}.complete(before, current)
	return strings.TrimSuffix(current, valuePart(current)), o
}
