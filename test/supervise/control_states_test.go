package supervise_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestContractStates: the states of the contract as bytes, key by key.
func TestContractStates(t *testing.T) {
	for _, c := range []struct {
		name, policy, script string
		order                string // a client's command
		states               []string
	}{
		{"Up", "no", "sleep 1000", "", []string{isUp}},
		{"Killed", "no", "sleep 1000", "kill", []string{isUp, wasKilled}},
		{"Stopped", "always", "exec sleep 1000", "stop", []string{isUp, wasStopped}},
		{"ExitZero", "no", brief, "", []string{isUp, stateOf(false, false, exited0, 0, 0)}},
		{"ExitZeroOnFailure", "on-failure", brief, "", []string{isUp, stateOf(false, false, exited0, 0, 0)}},
		{"Exit3", "no", brief + "; exit 3", "", []string{isUp, stateOf(false, false, exited3, 0, 0)}},
		{"Exit3OnFailure", "on-failure", brief + "; exit 3", "",
			[]string{isUp, stateOf(false, true, exited3, 0, 0), stateOf(true, true, "", 1, 0), stateOf(false, true, exited3, 1, 0)}},
		{"SignalOnFailure", "on-failure", brief + "; kill -SEGV $$", "",
			[]string{isUp, stateOf(false, true, `"signaled":true,"signal":11`, 0, 0), stateOf(true, true, "", 1, 0)}},
		{"ExitZeroAlways", "always", brief, "",
			[]string{isUp, stateOf(false, true, exited0, 0, 0), stateOf(true, true, "", 1, 0), stateOf(false, true, exited0, 1, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newPlace(t, policy(c.policy)).shell(c.script).connect()
			s.gets(c.states[0])
			if c.order != "" {
				s.command(c.order)
				s.finally(c.states[1])
			} else {
				s.gets(c.states[1:]...)
			}
			s.r.end()
		})
	}
}

// TestContractCannotStart: that is a state with the reason, and the supervisor
// stays to tell it.
func TestContractCannotStart(t *testing.T) {
	for name, c := range map[string]struct{ agent, why string }{
		"CommandMissing": {policy("always"), `/no\u003c\u0026\u003e`},
		"BadPolicy":      {`{"restart": "sometimes"}`, "sometimes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPlace(t, c.agent).start("/no<&>")
			for range 2 {
				s := r.connect()
				got := s.next()
				if !strings.HasPrefix(got, `{"up":false,"restarting":false,"err":"`) || !strings.Contains(got, `","container_exit_status":{},"restarts":0,"ooms":0,"container_metrics":`) || !strings.Contains(got, c.why) {
					t.Errorf("the state is %s; want an err with %s", got, c.why)
				}
			}
			s := r.connect()
			s.command("exit")
			s.toEnd()
			r.want(0)
		})
	}
}

// TestContractStateAtOnce: who comes later gets the current state without
// having to wait for a tick.
func TestContractStateAtOnce(t *testing.T) {
	t.Parallel()
	r := newPlace(t, policy("no")).shell("sleep 1000")
	r.connect().gets(isUp)
	begun := time.Now()
	const clients = 20
	for range clients {
		r.connect().gets(isUp)
	}
	if took := time.Since(begun); took > testkit.Slow(2*time.Second) { // half of them would have seen a tick
		t.Errorf("the first states of %d clients took %v", clients, took)
	}
	r.end()
}

// TestContractTick: without anything new there is a state every 3 s.
func TestContractTick(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("no")).shell("sleep 1000").connect()
	s.gets(isUp)
	s.next()
	begun := time.Now()
	s.next()
	if took := time.Since(begun); took < 2500*time.Millisecond || took > testkit.Slow(5*time.Second) {
		t.Errorf("from tick to tick it took %v, want 3 s", took)
	}
	s.r.end()
}

// figures are those of a state.
func figures(t *testing.T, state string) (cpu, memory, limit uint64) {
	t.Helper()
	all := wholeState.FindStringSubmatch(state)
	for i, to := range []*uint64{&cpu, &memory, &limit} {
		n, err := strconv.ParseUint(all[i+1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		*to = n
	}
	return cpu, memory, limit
}

// TestContractMetrics: real figures from the first state on, which never fall
// over restarts. The memory of a container without a cgroup: see
// TestContractFiguresWithoutCgroup.
func TestContractMetrics(t *testing.T) {
	const unlimited = 9223372036854771712
	for name, c := range map[string]struct {
		agent string
		limit uint64
	}{
		"Limit":   {policy("always"), 64 << 20},
		"NoLimit": {`{"restart": "always", "env": {"PATH": "/bin"}}`, unlimited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPlace(t, c.agent).shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; " + brief + "; exit 1").connect()
			var last uint64
			for restarts := range 3 {
				for _, want := range []string{stateOf(true, true, "", restarts, 0), stateOf(false, true, `"exited":true,"exit_status":1`, restarts, 0)} {
					s.gets(want)
					cpu, memory, limit := figures(t, s.last)
					// Where nobody may limit agent.json has no limit, see policy.
					if cpu == 0 || cpu < last || limit != c.limit && (testkit.MayMakeCgroups() || limit != unlimited) {
						t.Errorf("%s after a cpu_time of %d, want a limit of %d", s.last, last, c.limit)
					}
					if testkit.MayMakeCgroups() && strings.HasPrefix(want, `{"up":true`) && (memory == 0 || memory > 64<<20) {
						t.Errorf("while up: %s", s.last)
					}
					last = cpu
				}
			}
			s.r.end()
		})
	}
}

// TestContractFiguresAreNumbers: no sign, no exponent, nothing but digits.
func TestContractFiguresAreNumbers(t *testing.T) {
	t.Parallel()
	s := newPlace(t, policy("no")).shell("sleep 1000").connect()
	got := s.next()
	want := regexp.MustCompile(`^\{"up":true,"restarting":true,"container_exit_status":\{\},"restarts":0,"ooms":0,"container_metrics":\{"cpu_time":\d+,"memory_usage":\d+,"memory_limit":\d+\}\}$`)
	if !want.MatchString(got) {
		t.Errorf("%s does not match %s", got, want)
	}
	s.r.end()
}
