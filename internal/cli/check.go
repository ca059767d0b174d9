package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// check is _check: everything comes from the files, nothing is looked up on
// the machine.
func (a *app) check(s settings, _ []string) int {
	p, err := a.load(s.file)
	if err != nil {
		return a.badProject(err)
	}
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	for _, w := range p.AllUnsupported() {
		fmt.Fprintf(a.err, "warning: %s\n", w)
	}
	for _, w := range openings(p) {
		fmt.Fprintf(a.err, "warning: %s\n", w)
	}
	for _, v := range missingVolumes(p, own) {
		fmt.Fprintf(a.err, "warning: %s: %s is not among external-volumes of your settings\n", v.Pos, v.Source)
	}
	fmt.Fprintf(a.out, "%s: no mistakes; %s, %s\n", p.File, count(len(p.Commands), "command"), count(len(p.Containers), "container"))
	for _, c := range p.Commands {
		fmt.Fprint(a.out, "\n"+described(p, c))
	}
	return 0
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// openings are what the file opens of what is shut by default, with its place.
func openings(p *plan.Plan) []string {
	var list []string
	add := func(s plan.Security) {
		for _, text := range s.Opened() {
			list = append(list, s.Pos.String()+": "+text)
		}
	}
	for _, name := range containerNames(p) {
		add(p.Containers[name].Security)
	}
	for _, c := range p.Commands {
		for _, child := range c.Children {
			add(child.Security)
		}
	}
	return list
}

// missingVolumes are the binds of volumes that the user's settings don't have.
func missingVolumes(p *plan.Plan, own plan.Settings) []plan.Volume {
	var missing []plan.Volume
	add := func(volumes []plan.Volume) {
		for _, v := range volumes {
			rest, external := strings.CutPrefix(v.Source, "/volumes/")
			name, _, _ := strings.Cut(rest, "/")
			if _, known := own.ExternalVolumes[name]; external && !known {
				missing = append(missing, v)
			}
		}
	}
	for _, name := range containerNames(p) {
		add(p.Containers[name].Volumes)
	}
	for _, c := range p.Commands {
		for _, child := range c.Children {
			add(child.Volumes)
		}
	}
	return missing
}

// described says what c would run.
func described(p *plan.Plan, c *plan.Command) string {
	var b strings.Builder
	names := strings.Join(append([]string{c.Name}, c.Aliases...), ", ")
	if !c.Supervise {
		fmt.Fprintf(&b, "%s: a command\n", names)
		describeProcess(&b, p, c.Children[0], keepsWords(c), "    ")
		return b.String()
	}
	fmt.Fprintf(&b, "%s: a group of %d, %s, KILL %s after TERM\n", names, len(c.Children), c.Mode, c.KillAfter)
	for _, child := range c.Children {
		fmt.Fprintf(&b, "    %s\n", child.Name)
		describeProcess(&b, p, child, false, "        ")
	}
	return b.String()
}

func describeProcess(b *strings.Builder, p *plan.Plan, proc *plan.Process, more bool, margin string) {
	box := p.Containers[proc.Container]
	if box == nil { // a kind of command that has no container, which is unsupported
		return
	}
	runs := runText(proc, box)
	if more {
		runs += " [ARGUMENT...]"
	}
	say := func(what, value string) {
		if value != "" {
			fmt.Fprintf(b, "%s%-11s%s\n", margin, what, value)
		}
	}
	say("tags", strings.Join(proc.Tags, ", "))
	say("container", box.Name)
	say("root", rootText(p, box)+", "+writeModeText(proc, box))
	say("runs", runs)
	say("work-dir", proc.WorkDir)
	say("as", idsText(proc))
	say("volumes", strings.Join(volumeTexts(box.Volumes, proc.Volumes), ", "))
	say("limits", limitsText(box, proc))
}

func rootText(p *plan.Plan, box *plan.Container) string {
	switch {
	case box.Host:
		return "this machine's system"
	case filepath.IsAbs(box.RootFS):
		return box.RootFS
	case box.RootFS != "":
		return filepath.Join(p.Root, box.RootFS)
	case box.Image != "":
		return "image " + box.Image
	case len(box.Setup) > 0:
		return recipeText(box)
	}
	return "none that works in this version"
}

// recipeText says what a recipe starts from and how long it is.
func recipeText(box *plan.Container) string {
	text := "a recipe of " + count(len(box.Setup), "step")
	switch first := box.Setup[0]; first.Kind {
	case plan.StepContainer:
		return text + " from container " + first.Base
	case plan.StepImage:
		return text + " from image " + first.Image
	case plan.StepDebian:
		return text + " from Debian " + first.Release
	}
	return text
}

func writeModeText(proc *plan.Process, box *plan.Container) string {
	switch {
	case proc.WriteMode != "":
		return string(proc.WriteMode)
	case box.WriteMode != "":
		return string(box.WriteMode)
	}
	return string(plan.ReadOnly)
}

func runText(proc *plan.Process, box *plan.Container) string {
	words := proc.Run
	if len(words) == 0 {
		return "what the image says"
	}
	if proc.Shell {
		words = slices.Concat(box.DefaultShell, proc.Run, []string{"--"})
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = linux.ShellQuote(w)
	}
	return strings.Join(quoted, " ")
}

func idsText(proc *plan.Process) string {
	var parts []string
	if proc.UserID != nil {
		parts = append(parts, fmt.Sprintf("user %d", *proc.UserID))
	}
	if proc.GroupID != nil {
		parts = append(parts, fmt.Sprintf("group %d", *proc.GroupID))
	}
	if len(proc.SupplementaryGIDs) > 0 {
		parts = append(parts, "groups "+strings.Trim(fmt.Sprint(proc.SupplementaryGIDs), "[]"))
	}
	return strings.Join(parts, ", ")
}

// volumeTexts are the volumes of a container and those that its process puts
// on top, target by target.
func volumeTexts(below, above []plan.Volume) []string {
	var texts []string
	for _, v := range below {
		if !slices.ContainsFunc(above, func(w plan.Volume) bool { return w.Target == v.Target }) {
			texts = append(texts, volumeText(v))
		}
	}
	for _, v := range above {
		texts = append(texts, volumeText(v))
	}
	return texts
}

func volumeText(v plan.Volume) string {
	text := v.Target + " !" + string(v.Kind)
	switch detail := v.Source + v.Name + v.From; {
	case v.Size > 0:
		return text + " " + sizeText(v.Size)
	case detail != "":
		return text + " " + detail
	}
	return text
}
