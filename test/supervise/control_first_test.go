package supervise_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// held is a supervisor that is stopped in the middle of its first start: many
// volumes make that long enough to find the container's init, at work on them, and
// to stop it. An init that is told nothing, and replaced, has none of them.
type held struct {
	*running
	init int
}

func hold(t *testing.T, restart, script string) *held {
	t.Helper()
	for range 20 {
		if h := tryToHold(t, restart, script); h != nil {
			return h
		}
	}
	t.Fatal("20 starts were too quick to be held")
	return nil
}

// tryToHold is hold, nil if the command runs already.
func tryToHold(t *testing.T, restart, script string) *held {
	t.Helper()
	p := newPlace(t, "{}")
	volumes := map[string]string{}
	from := p.volume("shared")
	for i := range 1500 {
		volumes["/held/"+strconv.Itoa(i)] = from
	}
	text, err := json.Marshal(map[string]any{
		"env": map[string]string{"PATH": "/bin"}, "restart": restart, "storage": map[string]any{"volumes": volumes},
	})
	p.must(err)
	p.write("agent.json", string(text))
	h := &held{running: p.shell(script)}
	until(t, "a container that starts", func() bool {
		for _, child := range childrenOf(h.cmd.Process.Pid) {
			if mounts, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", child)); bytes.Contains(mounts, []byte("/held/")) {
				h.init = child
				return true
			}
		}
		return false
	})
	p.must(syscall.Kill(h.init, syscall.SIGSTOP))
	until(t, "an init that is stopped", func() bool { init, _ := testkit.Look(h.init); return init.State == 'T' })
	if len(childrenOf(h.init)) > 0 {
		h.goOn()
		h.end()
		return nil
	}
	t.Cleanup(func() { _ = syscall.Kill(h.init, syscall.SIGCONT) })
	return h
}

// goOn ends the hold.
func (h *held) goOn() { h.must(syscall.Kill(h.init, syscall.SIGCONT)) }

// childrenOf gives the children of all threads of a process.
func childrenOf(pid int) []int {
	var list []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range tasks {
		text, _ := os.ReadFile(file)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// connected connects a client that gets nothing as yet.
func (h *held) connected() *stream {
	h.t.Helper()
	s := h.connect()
	s.silent(50 * time.Millisecond)
	return s
}

// TestContractNothingBeforeTheFirstStart: agents take a container that is down
// without an error for one that is finished.
func TestContractNothingBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	h := hold(t, "no", "exec sleep 1000")
	first, second := h.connected(), h.connected()
	first.silent(3200 * time.Millisecond) // there is no tick either
	h.goOn()
	first.gets(isUp)
	second.gets(isUp)
	h.end()
}

// TestContractExitBeforeTheFirstStart is a no-op.
func TestContractExitBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	h := hold(t, "no", "exec sleep 1000")
	s := h.connected()
	s.command("exit")
	h.connected()
	h.goOn()
	s.gets(isUp)
	h.end()
}

// TestContractStopBeforeTheFirstStart is remembered.
func TestContractStopBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	h := hold(t, "always", "exec sleep 1000")
	s := h.connected()
	s.command("stop")
	s.silent(50 * time.Millisecond)
	h.goOn()
	s.finally(wasStopped)
	s.silent(1500 * time.Millisecond) // it is final
	h.end()
}

// TestContractKillBeforeTheFirstStart waits for nothing.
func TestContractKillBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	h := hold(t, "always", "exec sleep 1000")
	s := h.connected()
	s.command("kill")
	s.gets(wasKilled)
	s.silent(1500 * time.Millisecond)
	h.end()
}

// TestContractSignalsBeforeTheFirstStart: TERM, INT and HUP are remembered, and
// a second TERM or INT kills.
func TestContractSignalsBeforeTheFirstStart(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(strings.ToUpper(sig.String()), func(t *testing.T) {
			t.Parallel()
			h := hold(t, "always", "exec sleep 1000")
			s := h.connected()
			h.signal(sig)
			until(t, "a message about the signal", func() bool { return strings.Contains(h.errors(), "received ") })
			s.silent(50 * time.Millisecond)
			if sig != syscall.SIGHUP {
				h.signal(sig)
				s.ends(wasKilled)
			} else {
				h.goOn()
				s.ends(wasStopped)
			}
			h.want(0)
		})
	}
}

// TestContractHalfCloseBeforeTheFirstStart: who has ended its input gets what
// it is owed all the same, later.
func TestContractHalfCloseBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	h := hold(t, "no", "exec sleep 1000")
	watcher, commander := h.connected(), h.connected()
	watcher.closeWrite()
	commander.command("stop")
	commander.closeWrite()
	watcher.silent(50 * time.Millisecond)
	h.goOn()
	commander.ends(wasStopped)
	watcher.finally(wasStopped)
	h.end()
}
