package supervise_test

import "testing"

// The simplest container, from its start to the end of its supervisor.
func TestContractOutputAndEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	if got := p.outputs("echo out; echo err >&2"); got != "out\nerr\n" {
		t.Errorf("stdout of the supervisor: %q; want both streams of the container", got)
	}
}
