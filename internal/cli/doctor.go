package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// exitUnable is the code of _doctor where no container can be started.
const exitUnable = 1

// doctor is _doctor. It needs no project: without one it looks at the folder that
// the caller is in.
func (a *app) doctor(s settings, _ []string) int {
	folder := a.dir
	if p, err := a.load(s.file); err == nil {
		folder = p.Root
	} else if s.file != "" {
		return a.badProject(err)
	}
	if !filepath.IsAbs(folder) {
		folder = "/"
	}
	findings := run.Doctor(folder)
	code := 0
	if slices.ContainsFunc(findings, func(f host.Finding) bool { return f.Name == host.Start && f.Status == host.No }) {
		code = exitUnable
	}
	if !s.json {
		fmt.Fprint(a.out, findingTable(findings, a.width))
		return code
	}
	encoder := json.NewEncoder(a.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(findings); err != nil {
		a.fail("cannot write the findings: %v", err)
		return run.ExitInternal
	}
	return code
}

// findingTable lays findings out in three columns. Commands are not wrapped, so
// that they can be copied.
func findingTable(findings []host.Finding, width int) string {
	names, column := 0, 0
	for _, f := range findings {
		names = max(names, len(f.Name))
	}
	column = names + len(host.Partly) + 4
	margin := strings.Repeat(" ", column)
	room := 0
	if width > 0 {
		room = max(width-column, minAbout)
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%-*s  %-*s  %s\n", names, f.Name, len(host.Partly), f.Status, strings.Join(wrap(f.Why, room), "\n"+margin))
		if f.Fix != "" {
			b.WriteString(margin + "fix: " + f.Fix + "\n")
		}
	}
	return b.String()
}
