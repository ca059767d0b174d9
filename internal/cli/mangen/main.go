// Command mangen writes the manual page lanyard.1 on standard output, from the
// same tree of commands as the help and from sections.roff. It is a program of
// its own so that nothing of it is linked into lanyard:
//
//	go run ./internal/cli/mangen >docs/man/lanyard.1
package main

import (
	"fmt"
	"os"
)

func main() {
	if _, err := os.Stdout.WriteString(page()); err != nil {
		fmt.Fprintf(os.Stderr, "mangen: cannot write the page: %v\n", err)
		os.Exit(1)
	}
}
