package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// help is the verb help, and --help before COMMAND.
func (a *app) help(s settings, words []string) int {
	if len(words) == 0 {
		return a.show(Tree())
	}
	word := words[0]
	if v := verbNamed(word); v != nil {
		return a.show(verbHelp(v))
	}
	v := verbFor(word)
	p, err := a.load(s.file)
	if err == nil {
		if c, ok := p.Command(word); ok {
			return a.show(commandHelp(c))
		}
	}
	switch {
	case v != nil:
		return a.show(verbHelp(v))
	case err != nil:
		return a.badProject(err)
	}
	return a.unknown(p, word)
}

// show prints the help of one command.
func (a *app) show(c *cobra.Command) int {
	fmt.Fprint(a.out, helpText(c, a.width))
	return 0
}

// helpText is the help of c, wrapped at width columns, 0 for 80.
func helpText(c *cobra.Command, width int) string {
	if width == 0 {
		width = 80
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s\n", usageLine(c))
	for paragraph := range strings.SplitSeq(c.Long, "\n\n") {
		b.WriteString("\n")
		if strings.Contains(paragraph, "\n") { // laid out already
			b.WriteString(paragraph + "\n")
		} else if paragraph != "" {
			b.WriteString(strings.Join(wrap(paragraph, width), "\n") + "\n")
		}
	}
	if c.HasSubCommands() {
		b.WriteString("\n" + table("Verbs", verbRows(), width))
	}
	if options := c.Flags().FlagUsagesWrapped(width); options != "" {
		b.WriteString("\nOptions:\n" + options)
	}
	if c.Example != "" {
		b.WriteString("\nExamples:\n    " + strings.ReplaceAll(c.Example, "\n", "\n    ") + "\n")
	}
	return b.String()
}

func usageLine(c *cobra.Command) string {
	if c.HasSubCommands() {
		return mainUsage
	}
	return "lanyard " + c.Use
}
