package supervise_test

import (
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// Limits at the edge of what is allowed: the container runs, or is told about,
// and the supervisor goes on either way.
func TestBadLimitsAtTheEdge(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
	fine := func(s client.State) bool { return s.Err == "" && s.ExitStatus == client.ExitStatus{Exited: true} }
	for agent, good := range map[string]func(client.State) bool{
		`{"resources": {"mem": 4398046511103}}`:         fine,
		`{"resources": {"cpu": 1000000}}`:               fine,
		`{"resources": {"cpu": 1e-9}}`:                  fine,
		`{"storage": {"tmp": {"/tmp": 8796093022207}}}`: fine,
		`{"resources": {"fd": 3}}`:                      fine,
		`{"resources": {"mem": 1}}`: func(s client.State) bool { // too little even to begin with, on some kernels
			return fine(s) || s.ExitStatus.OOMed || s.Err != ""
		},
	} {
		p := newPlace(t, agent)
		r := p.start("/bin/true")
		if s := r.dial().finished(); !good(s) {
			t.Errorf("%s: %+v\n%s", agent, s, r.log())
		}
		r.end()
	}
}

// With one descriptor no shell can open a file, but a command runs.
func TestBadLimitOfOneFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"resources": {"fd": 1}}`)
	r := p.start("/bin/echo", "hello")
	if s := r.dial().finished(); s.ExitStatus != (client.ExitStatus{Exited: true}) || r.output() != "hello\n" {
		t.Errorf("%+v\n%s", s, r.log())
	}
	r.end()
}
