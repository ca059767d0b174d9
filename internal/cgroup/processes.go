package cgroup

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Processes are the figures of a container that has no cgroup: what /proc says
// of its init and of all that came of it. Every orphan of a pid namespace
// becomes a child of its init (pid_namespaces(7)), so none is missed. Less exact
// than a cgroup: memory that processes share counts for each of them, and what a
// process used that nobody waited for counts only if Stats was called while it
// lived. The zero value is a container that was never started.
type Processes struct {
	mu    sync.Mutex
	init  int    // pid; 0 while the container is down
	proc  int    // descriptor of the init's folder in /proc, valid with init
	ended uint64 // nanoseconds, of the runs that are over
	run   uint64 // nanoseconds, the most that was seen of this run
}

// Begin says that the container runs. Its init was not waited for yet, so that
// pid is no other process's.
func (p *Processes) Begin(pid int) {
	proc, err := openProcess(pid)
	if err != nil {
		return // hidden (proc(5), hidepid): the figures come with End
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init, p.proc = pid, proc
}

// End says that the container is gone, and what the kernel reported of its init
// and the processes that were waited for (wait4(2), rusage).
func (p *Processes) End(cpu time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended += max(p.run, uint64(cpu))
	p.run = 0
	if p.init != 0 {
		unix.Close(p.proc)
	}
	p.init = 0
}

// Stats reads the figures of the moment: of memory the resident sets of all
// processes but the init, which is Lanyard's own. It costs some fifteen system
// calls for each process, and more for threads. CPUTime never falls.
func (p *Processes) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{MemoryLimit: NoMemoryLimit}
	if p.init != 0 {
		var cpu uint64
		cpu, s.MemoryUsage = walk(p.init, p.proc)
		p.run = max(p.run, cpu)
	}
	s.CPUTime = p.ended + p.run
	return s
}

// walk adds up a process and all below it, from the top down: one that ends
// meanwhile may be missing, but none is counted twice, once as itself and once
// by the parent that waited for it.
func walk(init, proc int) (cpu, memory uint64) {
	type found struct{ pid, parent int }
	var todo []found
	add := func(parent int, pids []int) {
		for _, pid := range pids {
			todo = append(todo, found{pid, parent})
		}
	}
	own, ok := usage(init, proc)
	if !ok {
		return 0, 0
	}
	cpu = own.cpu
	add(init, children(init, proc, own.threads))
	seen := map[int]bool{init: true}
	for ; len(todo) > 0; todo = todo[1:] {
		one := todo[0]
		if seen[one.pid] { // its parent ended and it has a new one
			continue
		}
		seen[one.pid] = true
		proc, err := openProcess(one.pid)
		if err != nil {
			continue
		}
		// Another parent: another process has got the number.
		if own, ok := usage(one.pid, proc); ok && (own.parent == one.parent || own.parent == init) {
			cpu, memory = cpu+own.cpu, memory+resident(proc)
			add(one.pid, children(one.pid, proc, own.threads))
		}
		unix.Close(proc)
	}
	return cpu, memory
}

// openProcess gives a descriptor of a process's folder in /proc, through which
// nothing is read of another one that has its pid later.
func openProcess(pid int) (int, error) {
	return unix.Open("/proc/"+strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// readFile reads a file of such a folder.
func readFile(proc int, name string) (string, error) {
	fd, err := unix.Openat(proc, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var data []byte
	for {
		data = slices.Grow(data, 512)
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return string(data), err
		}
		data = data[:len(data)+n]
	}
}

// used is what one process has used.
type used struct {
	parent  int
	threads int
	cpu     uint64 // nanoseconds, the children that it waited for included
}

// usage reads a process. ok is false for one that is gone.
func usage(pid, proc int) (u used, ok bool) {
	// First, so that the pid is still this process's if the file can be read.
	clock, err := cpuClock(pid)
	if err != nil {
		return u, false
	}
	text, err := readFile(proc, "stat")
	if err != nil {
		return u, false
	}
	// proc_pid_stat(5): the name, in parentheses, may hold anything.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const ppid, cutime, cstime, threads = 4 - 3, 16 - 3, 17 - 3, 20 - 3
	if len(fields) <= threads {
		return u, false
	}
	return used{
		parent:  int(whole(fields[ppid])),
		threads: int(whole(fields[threads])),
		cpu:     clock + (whole(fields[cutime])+whole(fields[cstime]))*tick,
	}, true
}

// tick is the unit of times in /proc, in nanoseconds: USER_HZ is 100 wherever Go
// runs (Linux include/asm-generic/param.h).
const tick = 1e9 / 100

// cpuClock gives the CPU time of a process and its threads, ended ones too, in
// nanoseconds; /proc has it in hundredths of a second only, of which a process
// that waits may never use one. Anybody may read the clock of any process (Linux
// kernel/time/posix-cpu-timers.c, pid_for_clock).
func cpuClock(pid int) (uint64, error) {
	const schedClock = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid)<<3|schedClock, &t)
	return uint64(t.Nano()), err
}

// resident gives the resident set in bytes; 0 of a zombie. Kernels that keep a
// part of the count apart for each thread or CPU don't add it up here, so that
// some hundred pages may be missing (proc_pid_statm(5), BUGS); newer ones do,
// but not in stat.
func resident(proc int) uint64 {
	text, err := readFile(proc, "statm")
	if fields := strings.Fields(text); err == nil && len(fields) > 1 {
		return whole(fields[1]) * uint64(os.Getpagesize())
	}
	return 0
}

// whole reads a number that the kernel wrote.
func whole(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// children are those of all threads (proc_tid_children(5), which needs
// CONFIG_PROC_CHILDREN).
func children(pid, proc, threads int) []int {
	tids := []string{strconv.Itoa(pid)}
	if threads > 1 {
		tids = tasks(proc)
	}
	var pids []int
	for _, tid := range tids {
		text, _ := readFile(proc, "task/"+tid+"/children") // "" of a thread that is gone
		for word := range strings.FieldsSeq(text) {
			pids = append(pids, int(whole(word)))
		}
	}
	return pids
}

// tasks are the thread ids of a process; nil if it is gone.
func tasks(proc int) []string {
	fd, err := unix.Openat(proc, "task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	folder := os.NewFile(uintptr(fd), "task")
	defer folder.Close()
	names, _ := folder.Readdirnames(-1) // those before an error
	return names
}
