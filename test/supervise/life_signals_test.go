package supervise_test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// ending are the signals that end a supervisor in an orderly way.
var ending = map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}

// TestContractSignalIsGraceful: the container gets TERM and is not restarted,
// every client gets the final state, and the supervisor's exit status is 0.
func TestContractSignalIsGraceful(t *testing.T) {
	for name, sig := range ending {
		for _, restart := range []string{"no", "on-failure", "always"} {
			t.Run(name+"/"+restart, func(t *testing.T) {
				t.Parallel()
				r := newPlace(t, policy(restart)).shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done")
				clients := []*stream{r.connect(), r.connect(), r.connect()}
				for _, s := range clients {
					s.gets(isUp)
				}
				clients[2].closeWrite()
				r.ready()
				r.signal(sig)
				for _, s := range clients {
					s.ends(stateOf(false, false, exited3, 0, 0))
				}
				r.want(0)
				r.says("received SIG"+name, "exited with status 3")
			})
		}
	}
}

// TestContractSignalDoesNotEscalate: a container that ignores TERM stays until
// a second TERM or INT. HUP never kills.
func TestContractSignalDoesNotEscalate(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, again []syscall.Signal // again: those after which it still is up
		last         syscall.Signal
	}{
		{"TERM TERM", []syscall.Signal{syscall.SIGTERM}, nil, syscall.SIGTERM},
		{"INT INT", []syscall.Signal{syscall.SIGINT}, nil, syscall.SIGINT},
		{"TERM INT", []syscall.Signal{syscall.SIGTERM}, nil, syscall.SIGINT},
		{"INT HUP TERM", []syscall.Signal{syscall.SIGINT}, []syscall.Signal{syscall.SIGHUP}, syscall.SIGTERM},
		{"HUP HUP TERM TERM", []syscall.Signal{syscall.SIGHUP}, []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}, syscall.SIGTERM},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", ""), func(t *testing.T) {
			t.Parallel()
			r := newPlace(t, policy("always")).shell(deaf)
			s := r.connect()
			s.gets(isUp)
			r.ready()
			for _, sig := range c.first {
				r.signal(sig)
			}
			s.gets(isStopping)
			s.silent(700 * time.Millisecond)
			for _, sig := range c.again {
				r.signal(sig)
				s.silent(300 * time.Millisecond)
			}
			r.signal(c.last)
			s.ends(wasKilled)
			r.want(0)
		})
	}
}

// TestContractSignalAfterStop: a client's stop is no first TERM.
func TestContractSignalAfterStop(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("always")).shell(deaf)
	s := r.connect()
	s.gets(isUp)
	r.ready()
	s.command("stop")
	s.gets(isStopping)
	r.signal(syscall.SIGTERM)
	s.silent(300 * time.Millisecond)
	s.command("kill") // a client may still do that
	s.ends(wasKilled)
	r.want(0)
}

// TestContractSignalWhenDown ends the supervisor at once.
func TestContractSignalWhenDown(t *testing.T) {
	for name, sig := range ending {
		for what, command := range map[string][]string{"exited": {"true"}, "err": {"/nonsense"}} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				r := newPlace(t, policy("no")).start(command...)
				s := r.connect()
				for s.next(); strings.HasPrefix(s.last, `{"up":true`); {
					s.next()
				}
				down := said(s.last)
				r.signal(sig)
				s.ends(down)
				r.want(0)
			})
		}
	}
}

// TestContractSignalDuringRestartDelay: the container does not come back.
func TestContractSignalDuringRestartDelay(t *testing.T) {
	for name, sig := range ending {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPlace(t, policy("always")).shell("echo run; exit 3")
			s := r.connect()
			s.finally(stateOf(false, true, exited3, 0, 0))
			r.signal(sig)
			s.ends(stateOf(false, false, exited3, 0, 0))
			r.want(0)
			if got := r.output(); got != "run\n" {
				t.Errorf("the output is %q, want one run", got)
			}
		})
	}
}

// TestContractFinalState: it arrives whole on every way out, also at clients
// that have read nothing until then.
func TestContractFinalState(t *testing.T) {
	for name, way := range map[string]func(*running, *stream){
		"StopExit": func(_ *running, s *stream) { s.command("stop"); s.finally(wasStopped); s.command("exit") },
		"KillExit": func(_ *running, s *stream) { s.send("event: kill\n\n"); s.finally(wasKilled); s.command("exit") },
		"TERM":     func(r *running, _ *stream) { r.signal(syscall.SIGTERM) },
		"INTINT":   func(r *running, s *stream) { r.signal(syscall.SIGINT); s.finally(isStopping); r.signal(syscall.SIGINT) },
		"HUP":      func(r *running, _ *stream) { r.signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := []string{"sleep", "1000"}
			if name == "INTINT" {
				command = []string{"sh", "-c", deaf}
			}
			r := newPlace(t, policy("always")).start(command...)
			var clients []*stream
			for range 50 {
				clients = append(clients, r.connect())
			}
			clients[0].gets(isUp)
			if name == "INTINT" {
				r.ready()
			}
			way(r, clients[0])
			for _, s := range clients {
				if last := s.toEnd(); !strings.HasPrefix(last, `{"up":false,"restarting":false,"container_exit_status":{"signaled":true,`) {
					t.Errorf("the final state is %s", last)
				}
			}
			r.want(0)
		})
	}
}
