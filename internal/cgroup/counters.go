package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Stats is what a group's processes, those that have ended among them, have
// used since Create.
type Stats struct {
	CPUTime     uint64 // nanoseconds of user and system time; never falls
	MemoryUsage uint64 // bytes, page cache included
	MemoryLimit uint64 // bytes; NoMemoryLimit without one
}

// NoMemoryLimit is what v1 says of a group without a memory limit, in bytes:
// the largest multiple of a page of 4 KiB in an int64. Stats gives it for v2 too.
const NoMemoryLimit = 9223372036854771712

// recentKill is how long a kill counts as the reason of an end that is told
// after it, if the command went on when it was counted.
const recentKill = 500 * time.Millisecond

// ErrClosed is what Stats gives before Create and after Remove.
var ErrClosed = errors.New("the cgroup is not there: its figures can be read from Create to Remove")

// counters are a group's files of figures, each opened once and close-on-exec.
type counters struct {
	v2 bool

	mu sync.Mutex
	descriptors
	most   uint64
	kills  uint64      // taken so far
	killed time.Time   // when the last one of this start was taken
	fatal  bool        // one of them was taken while the command of this start was on its way out
	dying  func() bool // says that it is, see Open
}

// descriptors are -1 for what is not open.
type descriptors struct {
	cpu   int // cpuacct.usage or cpu.stat
	usage int // memory.usage_in_bytes or memory.current
	limit int // memory.limit_in_bytes or memory.max
	oom   int // memory.oom_control or memory.events
}

var closed = descriptors{-1, -1, -1, -1}

// open opens what the group has. Limits stand on its outer folder; kills are
// counted where the victim was on v1, and not in the folders above (Linux
// mm/memcontrol.c, memcg_memory_event).
func (c *counters) open(g *Group) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most, c.kills = 0, 0
	memory, counts := g.paths["memory"]
	names := [4]string{filepath.Join(g.paths["cpuacct"], "cpuacct.usage"), filepath.Join(memory, "memory.usage_in_bytes"),
		filepath.Join(memory, "memory.limit_in_bytes"), filepath.Join(g.entered(memory), "memory.oom_control")}
	if path, v2 := g.paths[""]; v2 {
		c.v2, counts = true, g.measured || g.limits.Memory != nil
		names = [4]string{path + "/cpu.stat", path + "/memory.current", path + "/memory.max", path + "/memory.events"}
	}
	for i, fd := range []*int{&c.cpu, &c.usage, &c.limit, &c.oom} {
		if c.closeOne(fd); (i < 3 && !g.measured) || (i == 3 && !counts) {
			continue
		}
		opened, err := unix.Open(names[i], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: names[i], Err: err}
		}
		*fd = opened
	}
	return nil
}

func (c *counters) closeOne(fd *int) {
	if *fd >= 0 {
		unix.Close(*fd)
	}
	*fd = -1
}

func (c *counters) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fd := range []*int{&c.cpu, &c.usage, &c.limit, &c.oom} {
		c.closeOne(fd)
	}
}

// begin begins a new start: kills from before it are not recent.
func (c *counters) begin(dying func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed, c.fatal, c.dying = time.Time{}, false, dying
}

// Stats reads the figures of a group of PlanMeasured, real ones at once: three
// preads, cheap enough for every change of state. It works until Remove.
func (g *Group) Stats() (Stats, error) {
	c := &g.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cpu < 0 {
		return Stats{}, ErrClosed
	}
	var s Stats
	var err error
	read := func(fd int, key string) uint64 {
		v, e := number(fd, key)
		if e != nil && err == nil {
			err = fmt.Errorf("cannot read the figures of cgroup %s: %w", g.name, e)
		}
		return v
	}
	if c.v2 {
		s.CPUTime = read(c.cpu, "usage_usec") * 1000
	} else {
		s.CPUTime = read(c.cpu, "")
	}
	s.MemoryUsage, s.MemoryLimit = read(c.usage, ""), read(c.limit, "")
	c.most = max(c.most, s.CPUTime)
	s.CPUTime = c.most
	return s, err
}

// CountsOOM says whether kills for want of memory are counted: there is a memory
// controller, and the kernel counts them (Linux 4.13).
func (g *Group) CountsOOM() bool {
	g.counters.mu.Lock()
	defer g.counters.mu.Unlock()
	_, err := number(g.counters.oom, "oom_kill")
	return err == nil
}

// TakeOOM gives how many processes of the group the kernel killed for want of
// memory since the last call, whoever called: each kill is given once. recent
// says that some kill of this start (see Open) was taken within the last half
// second, this call's among them; fatal that one was taken while the start's command
// was on its way out, as one is that the kernel has killed, until its end is told.
func (g *Group) TakeOOM() (fresh uint64, recent, fatal bool) {
	fresh, _, recent, fatal = g.counters.take()
	return fresh, recent, fatal
}

func (c *counters) take() (fresh, total uint64, recent, fatal bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if n, err := number(c.oom, "oom_kill"); err == nil && n > c.kills {
		fresh, c.kills, c.killed = n-c.kills, n, now
		c.fatal = c.fatal || c.dying != nil && c.dying()
	}
	return fresh, c.kills, !c.killed.IsZero() && now.Sub(c.killed) < recentKill, c.fatal
}

// number reads the number after key in a cgroup file, or the only one in it.
// "max" is NoMemoryLimit.
func number(fd int, key string) (uint64, error) {
	if fd < 0 {
		return 0, ErrClosed
	}
	var buf [4096]byte
	n, err := unix.Pread(fd, buf[:], 0)
	for err == unix.EINTR {
		n, err = unix.Pread(fd, buf[:], 0)
	}
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(buf[:n]) {
		value := bytes.TrimSpace(line)
		if key != "" {
			name, rest, found := bytes.Cut(value, []byte(" "))
			if !found || string(name) != key {
				continue
			}
			value = rest
		}
		if string(value) == "max" {
			return NoMemoryLimit, nil
		}
		return strconv.ParseUint(string(value), 10, 64)
	}
	return 0, fmt.Errorf("no %q in it", key)
}
