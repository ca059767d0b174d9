package supervise_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/stage"
)

// held is a supervisor that is stopped in the middle of its first start: many
// volumes make that long enough to find the container's init and to stop it.
type held struct {
	*running
	init int
}

func hold(t *testing.T, restart, script string) *held {
	t.Helper()
	p := newPlace(t, "{}")
	volumes := map[string]string{}
	from := p.volume("shared")
	for i := range 1500 {
		volumes["/v/"+strconv.Itoa(i)] = from
	}
	text, err := json.Marshal(map[string]any{
		"env": map[string]string{"PATH": "/bin"}, "restart": restart, "storage": map[string]any{"volumes": volumes},
	})
	p.must(err)
	p.write("agent.json", string(text))
	h := &held{running: p.shell(script)}
	until(t, "a container that starts", func() bool {
		for _, child := range childrenOf(h.cmd.Process.Pid) {
			// Once it is that, its parent knows of it: not before the exec.
			if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)); string(name) == stage.Argv0+"\x00" {
				h.init = child
				return true
			}
		}
		return false
	})
	p.must(syscall.Kill(h.init, syscall.SIGSTOP))
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
