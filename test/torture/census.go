package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// process is what is to be known of one.
type process struct {
	pid   int
	name  string // argv[0] without its folder; a command's own choice
	state byte   // as in proc_pid_stat(5)
}

func (p process) String() string {
	return fmt.Sprintf("process %d %q, state %c", p.pid, p.name, p.state)
}

// living gives those of pids that are no zombies.
func living(pids []int) []process {
	var list []process
	for _, pid := range pids {
		data, err := os.ReadFile(procPath(pid, "stat"))
		_, rest, found := bytes.Cut(data, []byte(") ")) // a name with ") " in it is none of ours
		if err != nil || !found || rest[0] == 'Z' || rest[0] == 'X' {
			continue
		}
		args, _ := os.ReadFile(procPath(pid, "cmdline"))
		name, _, _ := strings.Cut(string(args), "\x00")
		list = append(list, process{pid, filepath.Base(name), rest[0]})
	}
	return list
}

func named(list []process, name string) []process {
	var out []process
	for _, p := range list {
		if p.name == name {
			out = append(out, p)
		}
	}
	return out
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
