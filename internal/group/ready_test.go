package group

import (
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

// TestReady: each line is an event and, after it, whether the group is ready
// (R) and ending (E).
func TestReady(t *testing.T) {
	tests := []struct {
		name   string
		cfg    Config
		script string
	}{
		{"ready with the last start", two, `
			start
			a up
			b up      = R
			a exit 3  = RE
			b sig 15  = RE
			a gone    = RE
			b gone    = RE`},
		{"one ends before the other is up", two, `
			start
			a up
			a exit 0  = E
			b up      = E
			b sig 15  = E`},
		{"one can't be started", two, `
			start
			a up
			b fail    = E`},
		{"one has done its work before the last is up", waitAll, `
			start
			a up
			a exit 0
			a gone
			b up
			c up      = R
			b exit 0  = R
			c exit 0  = RE`},
		{"told to end before it was up", two, `
			start
			a up
			TERM      = E
			b up      = E`},
		{"a single command", single, `
			start
			sh up     = R
			TERM      = R
			sh exit 0 = RE`},
		{"a service", service(lifecycle.Always), `
			start
			web up    = R
			web exit 3 = R
			web gone  = R
			+1s       = R
			web up    = R
			stop      = R
			web exit 0 = R
			web gone  = R
			exit      = RE`},
		{"a service whose container can't be started", service(lifecycle.Always), `
			start
			web fail  = R
			web gone  = R
			TERM      = RE`},
		{"a service told to leave during its first start", service(lifecycle.Always), `
			start
			TERM      = E
			web up    = E`},
		{"a service whose container was killed before it ran", service(lifecycle.Always), `
			start
			kill
			web gone  = R`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			st := newStage(t, test.cfg)
			for line := range strings.Lines(test.script) {
				event, want, _ := strings.Cut(line, "=")
				if event = strings.TrimSpace(event); event == "" {
					continue
				}
				st.play(event)
				got := ""
				if st.state.Ready() {
					got = "R"
				}
				if st.state.Ending() {
					got += "E"
				}
				if want = strings.TrimSpace(want); got != want {
					t.Errorf("after %q: %q, want %q", event, got, want)
				}
			}
		})
	}
}
