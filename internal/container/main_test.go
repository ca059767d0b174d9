package container

import (
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// This binary must be able to be a janitor and a stage, which it is by its
// imports; it is never lanyard itself.
func TestMain(m *testing.M) {
	testkit.Main(m, func(string, []string) int { return 1 })
}
