// Command lanyard runs a project's processes in containers that never outlive
// it. It may be called lanyard or vagga; under the latter name the output of
// groups is raw.
package main

import (
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/cli"

	// They take the process over in their initialisers when it is a
	// container's init or a janitor.
	_ "github.com/lanyard-dev/lanyard/internal/janitor"
	_ "github.com/lanyard-dev/lanyard/internal/stage"
)

func main() {
	os.Exit(cli.Main(filepath.Base(os.Args[0]), os.Args[1:]))
}
