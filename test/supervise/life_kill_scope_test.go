package supervise_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestKillBeforeTheScope: a supervisor that was killed while systemd made its scope
// is followed by the next one at once, and in the end there is no scope.
func TestKillBeforeTheScope(t *testing.T) {
	testkit.Require(t, testkit.CgroupV2, testkit.Systemd)
	t.Parallel()
	p := newPlace(t, policy("always"))
	for i := range 8 {
		old := p.shell("sleep 1000")
		until(t, "its janitor", func() bool { return len(old.named(janitor.Argv0)) > 0 })
		time.Sleep(time.Duration(i) * testkit.Slow(time.Millisecond)) // the moments of a start
		old.signal(syscall.SIGKILL)
		next := p.shell("sleep 1000")
		old.wait()
		next.freshly().gets(isUp)
		until(t, "the old janitor has ended", func() bool { return len(marked(old.mark)) == 0 })
		next.end()
	}
}
