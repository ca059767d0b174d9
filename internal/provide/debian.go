package provide

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// noMmdebstrap is what a recipe with !Debian lacks.
var noMmdebstrap = linux.Obstacle{Why: "mmdebstrap is not installed", Fix: "sudo apt-get install mmdebstrap (Debian, Ubuntu)"}

// debian makes a system of packages with mmdebstrap, from the machine's own
// sources where they are for the same release.
func (b *builder) debian(ctx context.Context, step *plan.Step) error {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return &noMmdebstrap
	}
	if b.v.files.OneID() {
		return fmt.Errorf("packages want more ids than your own: %w", ids.Lookup(os.Geteuid()).None)
	}
	d := worker.Debian{
		Program: program, Release: step.Release, Variant: step.Variant, Packages: step.Packages, Dest: b.fs, Log: b.log.Name(),
		Env: b.environment(append(b.aptProxies(), "TMPDIR="+b.temp.Path)),
	}
	// As for install: this takes less than half the time.
	d.Options = append(d.Options, "--dpkgopt=force-unsafe-io")
	// usr-is-merged from the start: otherwise usrmerge is installed, with all of Perl.
	const merged = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
	if _, err := os.Stat(merged); err == nil {
		d.Options = append(d.Options, "--hook-dir="+merged)
	}
	switch {
	case step.Mirror != "":
		d.Sources = []string{step.Mirror}
	case release() == step.Release:
		d.Sources = aptSources()
	}
	return b.v.files.Debian(ctx, d)
}
