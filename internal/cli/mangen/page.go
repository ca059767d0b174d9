package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sections are those that no tree of commands knows: exit codes, signals,
// environment, files.
//
//go:embed sections.roff
var sections string

// page is the manual page in the macros of man(7). It has no date, so that it
// changes only with its contents.
func page() string {
	root := cli.Tree()
	var b strings.Builder
	b.WriteString(".\\\" Written by mangen; edit the tree of commands or sections.roff instead.\n")
	b.WriteString(".TH LANYARD 1 \"\" lanyard \"User commands\"\n")
	fmt.Fprintf(&b, ".SH NAME\nlanyard \\- %s\n", escape(root.Short))
	b.WriteString(".SH SYNOPSIS\n.B lanyard\n[OPTION...] [COMMAND [WORD...]]\n")
	b.WriteString(".SH DESCRIPTION\n" + paragraphs(root.Long))
	b.WriteString(".SH OPTIONS\n" + options(root.Flags()))
	b.WriteString(".SH VERBS\n")
	for _, verb := range root.Commands() {
		fmt.Fprintf(&b, ".SS %s\n%s", escape("lanyard "+verb.Use), paragraphs(verb.Long))
		b.WriteString(options(verb.Flags()))
		b.WriteString(example(verb))
	}
	b.WriteString(sections)
	b.WriteString(".SH EXAMPLES\n" + example(root))
	return b.String()
}

func paragraphs(text string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(text, "\n\n") {
		fmt.Fprintf(&b, ".PP\n%s\n", escape(part))
	}
	return b.String()
}

func options(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		name := `\fB` + escape("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + escape("-"+f.Shorthand) + `\fR, ` + name
		}
		if f.Value.Type() != "bool" {
			name += ` \fI` + escape(f.Value.Type()) + `\fR`
		}
		fmt.Fprintf(&b, ".TP\n%s\n%s\n", name, escape(f.Usage))
	})
	return b.String()
}

func example(c *cobra.Command) string {
	return ".PP\n.nf\n" + escape(c.Example) + "\n.fi\n"
}

// escape makes text mean itself: dashes stay what can be pasted into a shell,
// and no line begins with a control character.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
