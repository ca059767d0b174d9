package run

import (
	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/systemd"
)

// Options are one command of a plan and what the user said about it.
type Options struct {
	Plan       *plan.Plan
	Settings   plan.Settings
	Command    *plan.Command
	Args       []string      // more words for a command that accepts arguments
	Only       []string      // --only: names and tags
	Exclude    []string      // --exclude; ignored where Only is given
	Environ    []plan.EnvVar // -E NAME=VALUE and -e NAME (resolved by the caller), the last of a name wins
	Format     output.Format // of a group's output
	Timestamps bool
	Dir        string // the caller's working directory
	Manager    systemd.Manager
	NoBuild    bool          // --no-build: an image or a build that is not there is an error
	Progress   progress.Mode // of fetching and building; "" for what stderr is
}

// Exit codes of lanyard itself, see behaviour.
const (
	ExitInternal   = 121 // lanyard failed: a bug, or the kernel refused something
	ExitUsage      = 122
	ExitProject    = 126 // project file missing or invalid
	ExitNotStarted = 127 // no such command or container, nothing selected, a child could not be started
)
