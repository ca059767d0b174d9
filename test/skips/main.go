// Skips reads what go test -json prints and shows what matters of it: a line
// for each package, the output of what failed, every skipped test with its
// reason, and a summary. A test may only be skipped where another part of the
// suite runs it, see test/run and test/vm; any other skip is a failure here,
// because a test that never runs proves nothing. So is what began and has no
// result, and a package of -packages that never began.
//
//	go test -json ./... | go run ./test/skips -as root
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func main() {
	as := flag.String("as", "", "the part of the suite that runs")
	packages := flag.String("packages", "", "import paths, with spaces between them, of what has to run")
	table := flag.String("table", "", "a file to which a line for each package is added")
	flag.Parse()
	if testkit.Elsewhere[*as] == nil {
		fmt.Fprintf(os.Stderr, "skips: -as must be one of %q\n", slices.Sorted(maps.Keys(testkit.Elsewhere)))
		os.Exit(2)
	}
	t := newTally(*as, os.Stdout)
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "skips: cannot read the test's output: %v\n", err)
		os.Exit(1)
	}
	t.cutOff(strings.Fields(*packages))
	if *table != "" {
		if err := t.addTable(*table); err != nil {
			fmt.Fprintf(os.Stderr, "skips: cannot write the table: %v\n", err)
			os.Exit(1)
		}
	}
	if !t.summary() {
		os.Exit(1)
	}
}
