package kernel_test

import (
	"os/exec"
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

// startPair starts a group of pair's and gives the pid of victim's stage, as soon
// as lanyard has been told by both stages that their commands run.
func startPair(t *testing.T, group string) (r *running, stage int) {
	t.Helper()
	manager := testkit.NewManager(t)
	r = newProject(t, pair).start(func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, manager.Env("")...) }, group)
	manager.Until("READY=1")
	victim := r.named("tail")
	if len(victim) != 1 {
		t.Fatalf("%d processes are called tail\n%s", len(victim), r.log())
	}
	return r, victim[0].PPID
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
	kill(t, r.named("tail")[0].PID, syscall.SIGUSR1) // it still sees its command end
	r.want(138, 10*time.Second)
	r.says("victim was killed by signal 10 (SIGUSR1)", "other  was killed by signal 15 (SIGTERM)")
}

// TestStageTalksNonsense: a stage that does not keep to the protocol loses its
// container, and it is lanyard that failed.
func TestStageTalksNonsense(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	r, stage := startPair(t, "app")
	say(t, stage, "\xff\xff\xff\xff\xff nonsense")
	r.want(121, 10*time.Second)
	r.says("victim was lost: ", "other  was killed by signal 15 (SIGTERM)")
}

// TestStageStays: one that tells how its command ended, and then does not end,
// is killed with all that it keeps. Somebody may have stopped it at that moment.
func TestStageStays(t *testing.T) {
	testkit.Require(t, testkit.Root)
	t.Parallel()
	r, stage := startPair(t, "app")
	kill(t, stage, syscall.SIGSTOP)
	say(t, stage, "x\x04\x00\x00\x00\x00\x03\x00\x00") // internal/stage/protocol.go: exited, status 3
	r.want(3, 10*time.Second)
	r.says("victim exited with status 3")
}

// say tells lanyard something in a stage's name.
func say(t *testing.T, stage int, text string) {
	t.Helper()
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
	_, err = unix.Write(fd, []byte(text))
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
}
