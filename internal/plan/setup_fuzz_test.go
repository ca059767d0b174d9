package plan

import (
	"path"
	"strings"
	"testing"
)

// checkSteps holds a recipe to what setup_types.go says.
func checkSteps(t *testing.T, p *Plan, c *Container) {
	t.Helper()
	for i, s := range c.Setup {
		inside := path.IsAbs(s.Target) && path.Clean(s.Target) == s.Target
		source := s.Source != "" && path.Clean(s.Source) == s.Source && s.Source[0] != '/' && s.Source != ".." && !strings.HasPrefix(s.Source, "../")
		good := false
		switch s.Kind {
		case StepContainer:
			base := p.Containers[s.Base]
			good = i == 0 && (base != nil && base.RootFS == "" && !base.Host || base == nil && len(p.Unsupported) > 0)
		case StepImage:
			good = i == 0 && s.Image != ""
		case StepDebian:
			good = i == 0 && s.Release != "" && s.Variant != "" && (s.Mirror == "" || isHTTP(s.Mirror))
		case StepInstall:
			good = len(s.Packages) > 0
		case StepTar:
			good = inside && s.Subdir != "" && s.Subdir[0] != '/' && !strings.HasPrefix(s.Subdir, "../") &&
				(isHTTP(s.URL) && (isHex(s.SHA256, 64) || len(c.Unsupported) > 0) || s.URL == "" && (source || len(c.Unsupported) > 0))
		case StepCopy:
			good = inside && s.Umask <= 0o777 && (source || len(c.Unsupported) > 0)
		case StepEnsureDir, StepRemove:
			good = inside && s.Target != "/"
		case StepSh:
			good = strings.TrimSpace(s.Script) != ""
		case StepCmd:
			good = len(s.Argv) > 0 && s.Argv[0] != ""
		case StepDepends:
			good = source
		case StepText, StepEnv, StepCacheDirs:
			good = true
		}
		if !good || s.Pos.Line == 0 {
			t.Errorf("step %+v", s)
		}
	}
	depth := 0
	for b := c; b != nil && b.Base() != ""; b = p.Containers[b.Base()] {
		if depth++; depth > maxBases {
			t.Fatalf("container %s has no end of bases", c.Name)
		}
	}
}
