package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by a release build: -ldflags "-X .../internal/cli.version=1.2.3".
var version string

// versionLine is lanyard VERSION (commit, go version), from what the linker
// and the go command wrote into the binary.
func versionLine() string {
	name, commit := version, "commit unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if name == "" {
			name = info.Main.Version
		}
		dirty := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && len(s.Value) >= 12:
				commit = s.Value[:12]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = ", modified"
			}
		}
		commit += dirty
	}
	if name == "" || name == "(devel)" {
		name = "development"
	}
	return fmt.Sprintf("lanyard %s (%s, %s)", name, commit, runtime.Version())
}
