package recipe

import (
	"strings"
	"unicode"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// longest bounds a description, in characters.
const longest = 100

// Describe gives one line about a step, for people who watch a build: its tag
// and what tells it from the others, such as "!Install python3, redis-server".
// Values of variables and contents of files are not shown.
func Describe(s *plan.Step) string {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, "!"+string(s.Kind)+" "+detail(s))
	if letters := []rune(text); len(letters) > longest {
		text = string(letters[:longest-1]) + "…"
	}
	return strings.TrimRight(text, " ")
}

func detail(s *plan.Step) string {
	var names []string
	switch s.Kind {
	case plan.StepContainer:
		return s.Base
	case plan.StepImage:
		return s.Image
	case plan.StepDebian:
		return strings.Join(append([]string{s.Release}, s.Packages...), ", ")
	case plan.StepInstall:
		return strings.Join(s.Packages, ", ")
	case plan.StepTar:
		if s.URL != "" {
			return s.URL
		}
		return "./" + s.Source
	case plan.StepCopy:
		return "./" + s.Source + " to " + s.Target
	case plan.StepDepends:
		return "./" + s.Source
	case plan.StepEnsureDir, plan.StepRemove:
		return s.Target
	case plan.StepSh:
		line, more, _ := strings.Cut(strings.TrimSpace(s.Script), "\n")
		if more != "" {
			line += " …"
		}
		return line
	case plan.StepCmd:
		return strings.Join(s.Argv, " ")
	case plan.StepText:
		for _, f := range s.Files {
			names = append(names, f.Path)
		}
	case plan.StepEnv:
		for _, v := range s.Env {
			names = append(names, v.Name)
		}
	case plan.StepCacheDirs:
		for _, c := range s.Caches {
			names = append(names, c.Path)
		}
	}
	return strings.Join(names, ", ")
}
