// Package supervise_test holds `lanyard supervise` to its contract, under the
// name harpoon-supervisor as agents start it: a real supervisor, a real
// container, and what both of them really show. After each test nothing may be
// left: no process, mount, cgroup, socket or run folder.
package supervise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// supervisorName and helperName are what this binary is when it is called so.
const (
	supervisorName = "harpoon-supervisor"
	helperName     = "supervise-helper"
)

// roles are what this binary can be as helperName ROLE ARGUMENT...: each is
// registered by an init function beside the tests that need it, and gives the
// exit code.
var roles = map[string]func(args []string) int{}

// TestMain makes this binary a supervisor, lanyard or a helper when it is
// called so. That comes first: none of them may ever run the tests.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case supervisorName, "lanyard":
		os.Exit(cli.Main(name, os.Args[1:]))
	case helperName:
		os.Exit(helper(os.Args[1:]))
	}
	if err := testkit.SideBySide(6); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func helper(args []string) int {
	if len(args) > 0 && roles[args[0]] != nil {
		return roles[args[0]](args[1:])
	}
	fmt.Fprintf(os.Stderr, "usage: %s ROLE ARGUMENT...; no such role: %q\n", helperName, args)
	return 2
}
