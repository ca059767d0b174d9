package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/systemd"
)

// settings are what the options of one command line say.
type settings struct {
	file          string        // "" when not given
	passed        []plan.EnvVar // of -e
	environ       []plan.EnvVar // of -E, which wins over -e wherever the two stand
	format        output.Format
	timestamps    bool
	only, exclude []string
	version, help bool
	builtin, json bool
	writable      bool
	workDir       string
	noBuild       bool
	force         bool
	progress      progress.Mode
	short         bool
	unused        bool
	atLeast       *time.Duration
	dryRun        bool
	volumes       bool
}

// apply adds options to s; of those that can't be repeated the last wins.
func (s *settings) apply(options []given, lookup func(string) (string, bool)) error {
	for _, g := range options {
		if err := s.add(g, lookup); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) add(g given, lookup func(string) (string, bool)) error {
	switch g.option {
	case &optFile:
		s.file = g.values[0]
		if s.file == "" {
			return usagef("--file is empty: name a project file")
		}
	case &optUseEnv:
		return s.useEnv(g.values[0], lookup)
	case &optEnviron:
		return s.setEnv(g.values[0])
	case &optOutput:
		format, err := output.ParseFormat(g.values[0])
		if err != nil {
			return usageError(err.Error())
		}
		s.format = format
	case &optTimestamps:
		s.timestamps = true
	case &optOnly:
		s.only = append(s.only, g.values...)
	case &optExclude:
		s.exclude = append(s.exclude, g.values...)
	case &optVersion:
		s.version = true
	case &optHelp:
		s.help = true
	case &optBuiltin:
		s.builtin = true
	case &optJSON, &optFindings:
		s.json = true
	case &optWritable:
		s.writable = true
	case &optWorkDir:
		s.workDir = g.values[0]
	default:
		return s.addOfStore(g)
	}
	return nil
}

// addOfStore adds an option that is about images and builds.
func (s *settings) addOfStore(g given) error {
	switch g.option {
	case &optNoBuild:
		s.noBuild = true
	case &optShow:
		mode := progress.Mode(g.values[0])
		if !slices.Contains([]progress.Mode{progress.Lines, progress.JSON, progress.Quiet}, mode) {
			return usagef("--progress %q: write lines, json or quiet", g.values[0])
		}
		s.progress = mode
	case &optForce:
		s.force = true
	case &optQuiet:
		s.progress = progress.Quiet
	case &optProgress:
		s.progress = progress.JSON
	case &optItems:
		s.json = true
	case &optShort:
		s.short = true
	case &optUnused:
		s.unused = true
	case &optAtLeast:
		age, err := parseAge(g.values[0])
		if err != nil {
			return usagef("--at-least %q: %v", g.values[0], err)
		}
		s.atLeast = &age
	case &optDryRun:
		s.dryRun = true
	case &optVolumes:
		s.volumes = true
	}
	return nil
}

func (s *settings) useEnv(name string, lookup func(string) (string, bool)) error {
	if name == "" || strings.Contains(name, "=") {
		return usagef("--use-env %q is not the name of a variable; to set one write -E NAME=VALUE", name)
	}
	if err := notOurs("--use-env", name); err != nil {
		return err
	}
	value, _ := lookup(name)
	s.passed = append(s.passed, plan.EnvVar{Name: name, Value: value})
	return nil
}

func (s *settings) setEnv(text string) error {
	name, value, found := strings.Cut(text, "=")
	if name == "" || !found {
		return usagef("--environ %q is not NAME=VALUE; to pass a variable on write -e NAME", text)
	}
	if err := notOurs("--environ", name); err != nil {
		return err
	}
	s.environ = append(s.environ, plan.EnvVar{Name: name, Value: value})
	return nil
}

// notOurs refuses what a service manager says to lanyard itself.
func notOurs(option, name string) error {
	if systemd.Owns(name) {
		return usagef("%s %s: that is between lanyard and its service manager; if a command has use for one of its own, write it in its environ", option, name)
	}
	return nil
}
