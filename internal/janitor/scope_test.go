package janitor_test

import (
	"testing"

	"github.com/lanyard-dev/lanyard/internal/janitor"
)

// TestIsBelow: a scope is a whole folder of a path, at any place in it.
func TestIsBelow(t *testing.T) {
	const name = `harpoon-a\x20b.scope`
	for text, want := range map[string]bool{
		"0::/\n": false,
		"":       false,
		"0::/system.slice/harpoon-a\\x20b.scope\n":                              true,
		"0::/system.slice/harpoon-a\\x20b.scope/lanyard-init\n":                 true,
		"12:pids:/\n0::/user.slice/harpoon-a\\x20b.scope\n":                     true,
		"0::/system.slice/harpoon-a\\x20b.scope.d/lanyard-init\n":               false,
		"0::/system.slice/other-harpoon-a\\x20b.scope\n":                        false,
		"1:name=systemd:/system.slice/cron.service\n0::/system.slice/a.scope\n": false,
	} {
		if got := janitor.IsBelow(text, name); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
