// Skips reads what go test -json prints and shows what matters of it: a line
// for each package, the output of what failed, every skipped test with its
// reason, and a summary. A test may only be skipped for the sake of the other
// half of the suite, see test/run; any other skip is a failure here, because a
// test that never runs proves nothing.
//
//	go test -json ./... | go run ./test/skips -as root|user
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	as := flag.String("as", "", "the half that runs: root or user")
	flag.Parse()
	if *as != "root" && *as != "user" {
		fmt.Fprintln(os.Stderr, "skips: -as must be root or user")
		os.Exit(2)
	}
	t := newTally(*as, os.Stdout)
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "skips: cannot read the test's output: %v\n", err)
		os.Exit(1)
	}
	if !t.summary() {
		os.Exit(1)
	}
}
