package container

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/stage"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// failsOnce wants the first start to fail for a reason, and the second not.
func failsOnce(t *testing.T, spec *Spec, out *os.File, why string) {
	t.Helper()
	if _, events := runBox(t, spec, out); kindOf(events, Failed).Err == nil || !strings.Contains(kindOf(events, Failed).Err.Error(), why) {
		t.Errorf("%+v", events)
	}
	if _, events := runBox(t, spec, out); kindOf(events, Exited).Kind != Exited || kindOf(events, Exited).Status != 0 {
		t.Errorf("%+v", events)
	}
}

func ahead(spec *Spec) { spec.Init = Ahead(spec.Stdio, spec.UserNS, spec.Stage.Session) }

// TestAhead: the first start takes the init that waits, the next has its own.
func TestAhead(t *testing.T) {
	spec, out := shellSpec(t, "echo $0 of $$")
	ahead(spec)
	if spec.Init.err != nil {
		t.Fatal(spec.Init.err)
	}
	pid := spec.Init.process.pid
	for i := range 2 {
		text, events := runBox(t, spec, out)
		started := kindOf(events, Started)
		if exited := kindOf(events, Exited); exited.Status != 0 || text == "" {
			t.Fatalf("%+v\n%s", events, text)
		}
		if taken := started.PID == pid; taken != (i == 0) {
			t.Errorf("start %d is in pid %d, and pid %d was waiting", i, started.PID, pid)
		}
	}
	spec.Init.Close() // does nothing
}

func TestAheadThatNobodyTakes(t *testing.T) {
	spec, _ := shellSpec(t, "exit 0")
	before := footprintOf(t)
	ahead(spec)
	if spec.Init.err != nil {
		t.Fatal(spec.Init.err)
	}
	pid := spec.Init.process.pid
	for range 2 {
		begun := time.Now()
		spec.Init.Close()
		if took := time.Since(begun); unix.Kill(pid, 0) != unix.ESRCH && took < time.Second {
			t.Errorf("pid %d is there %v after Close was called", pid, took)
		}
		if !testkit.Until(testkit.Slow(time.Second), func() bool { return unix.Kill(pid, 0) == unix.ESRCH }) {
			t.Errorf("pid %d is there after Close", pid)
		}
	}
	if after := footprintOf(t); after.descriptors > before.descriptors {
		t.Errorf("%+v after %+v", after, before)
	}
}

// TestAheadThatFails: the start that takes it tells, and no other.
func TestAheadThatFails(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	spec, out := shellSpec(t, "exit 0")
	spec.Init = Ahead([3]*os.File{folder, out, out}, spec.UserNS, spec.Stage.Session)
	failsOnce(t, spec, out, "its stdin is a folder")
}

// TestAheadThatWasKilled: whoever kills it fails one start.
func TestAheadThatWasKilled(t *testing.T) {
	spec, out := shellSpec(t, "exit 0")
	ahead(spec)
	if err := unix.Kill(spec.Init.process.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	failsOnce(t, spec, out, "killed by signal 9")
}

// TestGoThatIsIncomplete: an init that gets no descriptors of its cgroup, because
// one of them could not be passed on, starts nothing.
func TestGoThatIsIncomplete(t *testing.T) {
	spec, out := shellSpec(t, "echo it runs")
	ahead(spec)
	if spec.Init.err != nil {
		t.Fatal(spec.Init.err)
	}
	socket := spec.Init.process.socket
	spec.Before = func() error {
		_, err := socket.Write(stage.GoFrame(2, false))
		return err
	}
	text, events := runBox(t, spec, out)
	if err := kindOf(events, Failed).Err; err == nil || !strings.Contains(err.Error(), "read the container's description") || text != "" {
		t.Errorf("%+v\n%s", events, text)
	}
}
