package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// list is _list, and lanyard without arguments.
func (a *app) list(s settings, _ []string) int {
	p, err := a.load(s.file)
	switch {
	case err != nil && s.builtin && !s.json:
		fmt.Fprint(a.out, table("Built-in verbs", verbRows(), a.width))
		return 0
	case err != nil:
		code := a.badProject(err)
		if noProject(err) {
			fmt.Fprint(a.err, begin)
		}
		return code
	case s.json:
		return a.listJSON(p, s.builtin)
	}
	fmt.Fprint(a.out, listing(p, a.width))
	if s.builtin {
		fmt.Fprint(a.out, "\n"+table("Built-in verbs", verbRows(), a.width))
	}
	return 0
}

// row is one line of a table: a name and what it is.
type row struct{ name, about string }

// listing is the commands of p under the headings of their groups: those
// without a group first, then the groups in the order they first appear.
func listing(p *plan.Plan, width int) string {
	headings := []string{""}
	rows := map[string][]row{}
	for _, c := range p.Commands {
		if isHidden(c) {
			continue
		}
		heading := oneLine(c.Group)
		if !slices.Contains(headings, heading) {
			headings = append(headings, heading)
		}
		names := strings.Join(append([]string{c.Name}, c.Aliases...), ", ")
		rows[heading] = append(rows[heading], row{names, oneLine(c.Description)})
	}
	var parts []string
	for _, heading := range headings {
		if len(rows[heading]) == 0 {
			continue
		}
		title := heading
		if title == "" {
			title = "Commands"
		}
		parts = append(parts, table(title, rows[heading], width))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%s has no commands to list\n", p.File)
	}
	return strings.Join(parts, "\n")
}

func verbRows() []row {
	var rows []row
	for _, v := range verbs() {
		rows = append(rows, row{v.name, v.about})
	}
	return rows
}

const (
	indent   = 4
	maxName  = 24 // a longer name has its description on the next line
	minAbout = 20 // columns that a description gets however narrow the terminal is
)

// table lays rows out in two columns; descriptions are wrapped at width
// columns, 0 for never.
func table(title string, rows []row, width int) string {
	column := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r.name); n <= maxName {
			column = max(column, n)
		}
	}
	column += indent + 2
	var b strings.Builder
	b.WriteString(title + ":\n")
	for _, r := range rows {
		line := strings.Repeat(" ", indent) + r.name
		pad := column - utf8.RuneCountInString(line)
		switch {
		case r.about == "":
			b.WriteString(line + "\n")
			continue
		case pad < 2:
			b.WriteString(line + "\n" + strings.Repeat(" ", column))
		default:
			b.WriteString(line + strings.Repeat(" ", pad))
		}
		room := 0
		if width > 0 {
			room = max(width-column, minAbout)
		}
		b.WriteString(strings.Join(wrap(r.about, room), "\n"+strings.Repeat(" ", column)) + "\n")
	}
	return b.String()
}

// wrap breaks text between words into lines of at most width columns; a longer
// word stays whole. width 0 means one line.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case width > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// The JSON of _list.
type (
	listedCommand struct {
		Name        string        `json:"name"`
		Kind        string        `json:"kind"` // command, supervise or builtin
		Aliases     []string      `json:"aliases,omitempty"`
		Group       string        `json:"group,omitempty"`
		Description string        `json:"description,omitempty"`
		Hidden      bool          `json:"hidden,omitempty"`
		Container   string        `json:"container,omitempty"` // of a command
		Children    []listedChild `json:"children,omitempty"`  // of a supervise
	}
	listedChild struct {
		Name        string   `json:"name"`
		Description string   `json:"description,omitempty"`
		Tags        []string `json:"tags,omitempty"`
		Container   string   `json:"container"`
	}
)

func (a *app) listJSON(p *plan.Plan, builtin bool) int {
	all := []listedCommand{}
	for _, c := range p.Commands {
		item := listedCommand{
			Name: c.Name, Kind: "command", Aliases: c.Aliases, Group: c.Group,
			Description: c.Description, Hidden: isHidden(c),
		}
		if c.Supervise {
			item.Kind = "supervise"
			for _, child := range c.Children {
				item.Children = append(item.Children, listedChild{child.Name, child.Description, child.Tags, child.Container})
			}
		} else {
			item.Container = c.Children[0].Container
		}
		all = append(all, item)
	}
	if builtin {
		for _, v := range verbs() {
			all = append(all, listedCommand{Name: v.name, Kind: "builtin", Description: v.about})
		}
	}
	encoder := json.NewEncoder(a.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(all); err != nil {
		a.fail("cannot write the list: %v", err)
		return run.ExitInternal
	}
	return 0
}
