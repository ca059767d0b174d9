package supervise_test

import (
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestContractFiguresWithoutCgroup: an ordinary user who has none still gets
// real figures from the first state on, those of processes that have ended
// among them, and no restart takes anything back.
func TestContractFiguresWithoutCgroup(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.User, testkit.NoCgroup)
	p := newPlace(t, `{"restart": "always", "env": {"PATH": "/bin"}}`)
	// Nearly all of the time is that of children which have ended.
	r := p.shell("sleep 1000 & while :; do (i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done); done")
	s := r.dial()
	first := s.up().Metrics
	if first.CPUTime == 0 || first.MemoryUsage == 0 || first.MemoryUsage > 64<<20 || first.MemoryLimit != 9223372036854771712 {
		t.Errorf("the first state has %+v", first)
	}
	const much = 500e6 // nanoseconds
	busy := s.until("busy", func(s client.State) bool { return s.Metrics.CPUTime > first.CPUTime+much }).Metrics
	for _, shell := range r.named("sh") {
		_ = syscall.Kill(shell.PID, syscall.SIGKILL) // one may have ended with the other
	}
	down := s.until("down", func(s client.State) bool { return !s.Up }).Metrics
	if down.CPUTime < busy.CPUTime {
		t.Errorf("down: %+v after %+v", down, busy)
	}
	again := s.until("up again", func(s client.State) bool { return s.Up && s.Restarts == 1 }).Metrics
	if again.CPUTime < down.CPUTime || again.MemoryUsage == 0 {
		t.Errorf("up again: %+v after %+v", again, down)
	}
	r.end()
	r.says("warning: figures from /proc instead of a cgroup")
}

// TestContractFiguresOfAStranger: the same, and that limits are refused, where
// the cgroups are v2's.
func TestContractFiguresOfAStranger(t *testing.T) {
	t.Parallel()
	testkit.AsStranger(t, "TestContractFiguresWithoutCgroup", "TestBadLimitsOfAnOrdinaryUser")
}
