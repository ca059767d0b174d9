package kernel_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// pair are two commands whose stages can be told apart by them, and hurried is
// the same group with little patience.
const pair = `
  app: !Supervise
    kill-unresponsive-after: 60
    children:
      victim: !Command {container: h, run: [tail, -f, /dev/null]}
      other: !Command {container: h, run: [sleep, 1000]}
  hurried: !Supervise
    kill-unresponsive-after: 0.3
    children:
      victim: !Command {container: h, run: [tail, -f, /dev/null]}
      other: !Command {container: h, run: [sleep, 1000]}
`

// startPair starts a group of pair's and gives the pid of victim's stage.
func startPair(t *testing.T, group string) (r *running, stage int) {
	t.Helper()
	r = newProject(t, pair).start(nil, group)
	until(t, 10*time.Second, "both commands", func() bool {
		victim := r.named("tail")
		if len(victim) == 1 {
			stage = victim[0].ppid
		}
		return len(victim) == 1 && len(r.named("sleep")) == 1
	})
	return r, stage
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("cannot send %v to process %d: %v", sig, pid, err)
	}
}

// TestKillStage kills PID 1 of one container: it counts as its child's end.
func TestKillStage(t *testing.T) {
	t.Parallel()
	r, stage := startPair(t, "app")
	kill(t, stage, syscall.SIGKILL)
	r.want(137, 5*time.Second)
	r.says("victim was killed by signal 9", "other  was killed by signal 15 (SIGTERM)")
}

// TestStoppedStage: a stage that somebody has stopped passes no TERM on, and is
// killed in the end.
func TestStoppedStage(t *testing.T) {
	t.Parallel()
	r, stage := startPair(t, "hurried")
	kill(t, stage, syscall.SIGSTOP)
	r.signal(syscall.SIGTERM)
	r.want(143, 10*time.Second)
}

// TestKillWithStoppedStage: one that is stopped goes with the supervisor too.
func TestKillWithStoppedStage(t *testing.T) {
	t.Parallel()
	r, stage := startPair(t, "app")
	kill(t, stage, syscall.SIGSTOP)
	r.signal(syscall.SIGKILL)
	r.want(137, 5*time.Second)
}

// TestDeafStage: what else is sent to a stage ends and stops nothing.
func TestDeafStage(t *testing.T) {
	t.Parallel()
	r, stage := startPair(t, "app")
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if sig != syscall.SIGKILL && sig != syscall.SIGSTOP {
			kill(t, stage, sig)
		}
	}
	kill(t, r.named("tail")[0].pid, syscall.SIGUSR1) // it still sees its command end
	r.want(138, 10*time.Second)
	r.says("victim was killed by signal 10 (SIGUSR1)", "other  was killed by signal 15 (SIGTERM)")
}

// TestStageTalksNonsense: a stage that does not keep to the protocol loses its
// container, and it is lanyard that failed.
func TestStageTalksNonsense(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	r, stage := startPair(t, "app")
	pidfd, err := unix.PidfdOpen(stage, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	const socket = 3 // a stage's end of its link
	fd, err := unix.PidfdGetfd(pidfd, socket, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = unix.Write(fd, []byte("\xff\xff\xff\xff\xff nonsense"))
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
	r.want(121, 10*time.Second)
	r.says("victim was lost: ", "other  was killed by signal 15 (SIGTERM)")
}
