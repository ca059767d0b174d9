package container

import (
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// This binary must be able to be a janitor and a stage, which it is by its
// imports. Called as lanyard it is a supervisor that claims, see claim_test.go, or
// one of lookout_test.go or process_test.go.
func TestMain(m *testing.M) {
	testkit.Main(m, func(_ string, args []string) int {
		switch len(args) {
		case 1:
			return withoutLeader()
		case 2:
			return withoutLookout(args[0], args[1])
		}
		return claimant(args[0], args[1], args[2])
	})
}
