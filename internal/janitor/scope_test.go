package janitor_test

import (
	"testing"

	"github.com/lanyard-dev/lanyard/internal/janitor"
)

// TestTold: the last scope counts, and an empty one is none.
func TestTold(t *testing.T) {
	for text, want := range map[string][2]string{
		"":                                  {},
		"/run/x":                            {"/run/x", ""},
		"/run/x" + janitor.Scope("a.scope"): {"/run/x", "a.scope"},
		"/run/x" + janitor.Scope("a.scope") + janitor.Scope(""):                            {"/run/x", ""},
		"/run/x" + janitor.Scope("a.scope") + janitor.Scope("") + janitor.Scope("b.scope"): {"/run/x", "b.scope"},
	} {
		if folder, scope := janitor.Told(text); [2]string{folder, scope} != want {
			t.Errorf("%q: %q, %q", text, folder, scope)
		}
	}
}

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
