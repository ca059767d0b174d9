package cli

import (
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	mainUsage = "lanyard [OPTION...] [COMMAND [WORD...]]"

	mainText = `Lanyard runs a project's commands in Linux containers, watches them, and when it goes, for whatever reason, everything it started goes with it.

COMMAND is one of the project's own, from lanyard.yaml (else vagga.yaml) in this folder or the nearest one above; without COMMAND they are listed. Options of lanyard stand before COMMAND. After a single command that accepts arguments every word is that command's; after a group, and after any other command, --help and the options that lanyard help COMMAND shows may stand too.

Verbs of lanyard's own begin with an underscore. Each answers without it too, unless the project has a command of that name.`

	mainExample = `lanyard                            # what can be started here?
lanyard run_full_app               # start it; Ctrl-C ends all of it
lanyard run_full_app --only web worker
lanyard -E DEBUG=1 run_full_app --exclude web
lanyard _run python bash           # look around in a container`
)

// Tree is lanyard's command line as a tree for help and the man page. It is not executed: dispatch reads the words itself, because
// cobra would take options that belong to a project's command.
func Tree() *cobra.Command {
	root := &cobra.Command{
		Use:     "lanyard",
		Short:   "run a project's processes in containers that never outlive it",
		Long:    mainText,
		Example: mainExample,
	}
	addOptions(root.Flags(), mainOptions)
	for _, v := range verbs() {
		root.AddCommand(verbHelp(v))
	}
	return root
}

func verbHelp(v *verb) *cobra.Command {
	c := &cobra.Command{
		Use:     strings.TrimPrefix(v.usage(), "lanyard "),
		Short:   v.about,
		Long:    v.about + ".\n\n" + v.text,
		Example: v.example,
		Run:     func(*cobra.Command, []string) {},
	}
	addOptions(c.Flags(), v.options)
	return c
}

// commandHelp describes a command of the project.
func commandHelp(c *plan.Command) *cobra.Command {
	help := &cobra.Command{
		Use:  strings.TrimPrefix(commandUsage(c), "lanyard "),
		Long: strings.Join(commandParagraphs(c), "\n\n"),
	}
	if keepsWords(c) {
		addOptions(help.Flags(), []*option{&optUseEnv, &optEnviron, &optNoBuild})
	} else {
		addOptions(help.Flags(), optionsOf(c))
	}
	return help
}

func commandParagraphs(c *plan.Command) []string {
	var parts []string
	if text := strings.TrimSpace(c.Description); text != "" {
		parts = append(parts, text)
	}
	if len(c.Aliases) > 0 {
		parts = append(parts, "Also called: "+strings.Join(c.Aliases, ", "))
	}
	switch {
	case keepsWords(c) && len(c.Children[0].Run) == 0:
		parts = append(parts, "It runs what its container's image runs by itself. Words after "+c.Name+" take the place of the arguments that the image has for that (its CMD); lanyard's options stand before "+c.Name+".")
	case keepsWords(c):
		parts = append(parts, "Every word after "+c.Name+" is given to the program it runs; lanyard's options stand before "+c.Name+".")
	case c.Supervise && c.Mode == plan.WaitAllSuccessful:
		parts = append(parts, "A group that runs until all its children have ended well; the first failure ends it.")
	case c.Supervise:
		parts = append(parts, "A group: the first child that exits, with whatever status, ends it.")
	}
	if c.Supervise {
		var rows []row
		for _, child := range c.Children {
			about := oneLine(child.Description)
			if len(child.Tags) > 0 {
				about = strings.TrimSpace(about + " [" + strings.Join(child.Tags, ", ") + "]")
			}
			rows = append(rows, row{child.Name, about})
		}
		parts = append(parts, strings.TrimSuffix(table("Children and their [tags]", rows, 0), "\n"))
	}
	return parts
}

func addOptions(flags *pflag.FlagSet, options []*option) {
	flags.SortFlags = false
	for _, o := range options {
		f := flags.VarPF(placeholder(o.value), o.long, o.short, o.help)
		if o.value == "" {
			f.NoOptDefVal = "true"
		}
	}
}

// placeholder is the value of a flag that is only shown.
type placeholder string

func (p placeholder) String() string   { return "" }
func (p placeholder) Set(string) error { return nil }

// Type is the word that help shows for the value.
func (p placeholder) Type() string {
	if p == "" {
		return "bool"
	}
	return string(p)
}
