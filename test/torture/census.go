package main

import (
	"os"
	"strconv"
	"sync"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// census looks at all processes, once for all lanes that ask at the same time.
type census struct {
	mu           sync.Mutex
	done         *sync.Cond
	begun, ended uint64 // looks
	last         map[uint64][]int
}

func (c *census) init() { c.done = sync.NewCond(&c.mu) }

// marked gives the processes of each mark, as a look finds them that begins after
// the call.
func (c *census) marked() map[uint64][]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for mine := c.begun + 1; c.ended < mine; {
		if c.begun > c.ended {
			c.done.Wait()
			continue
		}
		c.begun++
		c.mu.Unlock()
		found := testkit.AllMarked()
		c.mu.Lock()
		c.last, c.ended = found, c.begun
		c.done.Broadcast()
	}
	return c.last
}

// pidNamespace names the pid namespace of a process, "" if that can't be seen.
func pidNamespace(pid int) string {
	link, _ := os.Readlink(procPath(pid, "ns/pid"))
	return link
}

func procPath(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// allPids gives every process of this machine.
func allPids() []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
