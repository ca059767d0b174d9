package supervise_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// hog needs more memory than small allows.
const hog = "dd if=/dev/zero of=/dev/null bs=200M count=1"

// small is an agent.json with a limit of 16 MiB.
func small(restart string) string {
	return `{"env": {"PATH": "/bin"}, "resources": {"mem": 16}, "restart": "` + restart + `"}`
}

// gated is a place of small, whose folder v is /v in the container.
func gated(t *testing.T, restart string) *place {
	t.Helper()
	p := newPlace(t, small(restart))
	p.write("agent.json", strings.TrimSuffix(small(restart), "}")+fmt.Sprintf(`, "storage": {"volumes": {"/v": %q}}}`, p.volume("v")))
	return p
}

// gate is what a script does until a file is in /v.
func gate(name string) string { return "until test -e /v/" + name + "; do sleep 0.02; done; " }

// TestContractOOM: it is told as such, counted, and the policy "no" holds.
func TestContractOOM(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	s := newPlace(t, small("no")).shell("exec " + hog).connect()
	s.finally(stateOf(false, false, byMemory, 0, 1))
	if _, _, limit := figures(t, s.last); limit != 16<<20 {
		t.Errorf("the limit is %d", limit)
	}
	s.silent(1500 * time.Millisecond)
	s.r.says("out of memory")
	s.command("exit")
	s.toEnd()
	s.r.want(0)
}

// TestContractOOMOverRestarts: they are counted once each, and kept.
func TestContractOOMOverRestarts(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	for _, restart := range []string{"on-failure", "always"} {
		t.Run(restart, func(t *testing.T) {
			t.Parallel()
			p := gated(t, restart)
			s := p.shell(gate("go") + "sleep 0.5; exec " + hog).connect()
			for n := range 3 {
				s.finally(stateOf(true, true, "", n, n))
				if n == 0 {
					p.write("../v/go", "")
				}
				s.finally(stateOf(false, true, byMemory, n, n+1)) // the kill may be told before the exit
			}
			s.r.end()
		})
	}
}

// TestContractOOMOfASlowEnd: one whose end is told long after the kill, as that of a
// command which has gigabytes to free. Here it is because its init is stopped.
func TestContractOOMOfASlowEnd(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := gated(t, "no")
	s := p.shell(gate("go") + "exec " + hog).connect()
	s.gets(isUp)
	inits := s.r.named("lanyard-init")
	if len(inits) != 1 {
		t.Fatalf("the container's inits are %v", inits)
	}
	p.must(syscall.Kill(inits[0].PID, syscall.SIGSTOP))
	p.write("../v/go", "")
	s.gets(stateOf(true, true, "", 0, 1))
	time.Sleep(time.Second) // a kill that is older than half a second is not recent
	p.must(syscall.Kill(inits[0].PID, syscall.SIGCONT))
	s.finally(stateOf(false, false, byMemory, 0, 1))
	s.r.end()
	s.r.says("out of memory") // which may be written after the state is told
}

// TestContractOOMOfGrandchild: the container stays up, and each is counted,
// without anything that ends.
func TestContractOOMOfGrandchild(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	p := gated(t, "always")
	s := p.shell(gate("one") + "(" + hog + "); " + gate("two") + "(" + hog + " &); sleep 1000").connect()
	s.gets(isUp)
	p.write("../v/one", "")
	s.gets(stateOf(true, true, "", 0, 1))
	p.write("../v/two", "")
	s.gets(stateOf(true, true, "", 0, 2))
	s.silent(2200 * time.Millisecond) // what was told is 2 s old: it is not what ends the container
	s.command("kill")
	s.finally(stateOf(false, false, byKill, 0, 2))
	s.r.end()
}

// TestContractOOMAtStop: at the moment of a stop it is counted, and final.
func TestContractOOMAtStop(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	s := newPlace(t, small("always")).shell("trap 'exec " + hog + "' TERM; echo ready; while :; do sleep 0.01; done").connect()
	s.gets(isUp)
	s.r.ready()
	s.command("stop")
	s.finally(stateOf(false, false, byMemory, 0, 1))
	s.silent(1500 * time.Millisecond)
	s.r.end()
}

// TestContractOrphansAreReaped: ten thousand of them leave no zombie.
func TestContractOrphansAreReaped(t *testing.T) {
	t.Parallel()
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do ( : & ); i=$((i+1)); done; echo ready; sleep 1000", testkit.Rounds(t, 10_000))
	s := newPlace(t, policy("no")).shell(script).connect()
	s.gets(isUp)
	s.r.ready()
	inits := s.r.named("lanyard-init")
	if len(inits) != 1 {
		t.Fatalf("the container's inits are %v", inits)
	}
	until(t, "an init that has nothing but its command", func() bool { return len(childrenOf(inits[0].PID)) == 1 })
	s.r.end()
}
