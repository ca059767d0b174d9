package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// argv0 is what the processes of a lanyard are called.
var argv0 = map[who]string{anyStage: "lanyard-init", theJanitor: "lanyard-janitor"}

// strike carries the attack out and sees to the supervisor's end. It tells what
// was done in another way than planned.
func (r *round) strike() (real string) {
	clear(r.spaces) // those that are gone by now may be others'
	list := r.look()
	if r.attack.freeze {
		r.freeze(list)
	}
	rnd := rand.New(rand.NewPCG(r.seed, 12))
	missed := false
	for _, b := range r.attack.blows {
		pid := r.cmd.Process.Pid
		if b.who != supervisor {
			victims := testkit.Named(list, argv0[b.who])
			if len(victims) == 0 {
				missed = true
				continue
			}
			pid = victims[rnd.IntN(len(victims))].PID
		}
		if !r.hit(pid, b.how) {
			real = "OOM simulated by KILL"
		}
	}
	if r.attack.then == "" && !missed || r.over() {
		return real
	}
	r.rest(r.attack.thenAfter)
	if r.attack.then == "" {
		r.attack.then = byKill // there was nobody whose end ends the supervisor
	}
	r.hit(r.cmd.Process.Pid, r.attack.then)
	return real
}

// hit kills one of this round's processes. It says whether that was done as
// wanted.
func (r *round) hit(pid int, how means) bool {
	mine := pid == r.cmd.Process.Pid
	if mine && how != byTerm && !r.over() {
		r.slain, r.struck = true, time.Now()
	}
	switch how {
	case bySegv:
		r.send(pid, unix.SIGSEGV)
	case byAbrt:
		r.send(pid, unix.SIGABRT)
	case byStop:
		r.send(pid, unix.SIGSTOP)
		time.Sleep(10 * time.Millisecond)
		if mine {
			r.struck = time.Now()
		}
		r.send(pid, unix.SIGKILL)
	case byTerm:
		// A second one, for a command that does not heed the first. A lanyard that
		// has stopped together with its command is continued.
		for range 2 {
			r.send(pid, unix.SIGTERM)
			r.send(pid, unix.SIGCONT)
			if r.wait(400 * time.Millisecond) {
				break
			}
		}
	case byOOM:
		if !r.starve(pid) {
			r.send(pid, unix.SIGKILL)
			return false
		}
	default:
		r.send(pid, unix.SIGKILL)
	}
	return true
}

// send signals a process if it is this round's: the descriptor pins it.
func (r *round) send(pid int, sig unix.Signal) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if testkit.MarkOf(pid) == r.mark {
		_ = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
}

// freeze freezes a command, and what it starts, in a cgroup of the torture
// program's.
func (r *round) freeze(list []testkit.Process) {
	f := r.w.freezers[r.seed%uint64(len(r.w.freezers))]
	f.folder = filepath.Join(f.folder, r.name)
	if os.Mkdir(f.folder, 0o755) != nil {
		return
	}
	r.frozen = &f
	for _, p := range list {
		if strings.HasPrefix(p.Name, "lanyard") || pidNamespace(p.PID) == ownNamespace || testkit.MarkOf(p.PID) != r.mark {
			continue
		}
		if os.WriteFile(f.folder+"/cgroup.procs", []byte(strconv.Itoa(p.PID)), 0o644) == nil {
			break
		}
	}
	for _, pid := range members(f.folder) {
		if testkit.MarkOf(pid) != r.mark { // it has another's pid by now
			return
		}
	}
	_ = os.WriteFile(filepath.Join(f.folder, f.file), []byte(f.freeze), 0o644)
}

// thaw ends that, a little after the supervisor's end, where KILL waits for it.
func (r *round) thaw() {
	if r.frozen == nil || !r.frozen.holds {
		return
	}
	time.Sleep(20 * time.Millisecond)
	_ = os.WriteFile(filepath.Join(r.frozen.folder, r.frozen.file), []byte(r.frozen.thawed), 0o644)
	r.struck = time.Now()
}

// removeCgroups removes those of the attack, once nobody is in them any more.
func (r *round) removeCgroups() {
	if r.frozen != nil {
		_ = os.WriteFile(filepath.Join(r.frozen.folder, r.frozen.file), []byte(r.frozen.thawed), 0o644)
		testkit.Until(leftTime, func() bool { return os.Remove(r.frozen.folder) == nil })
	}
	if r.starved != "" {
		testkit.Until(leftTime, func() bool { return os.Remove(r.starved) == nil })
	}
}

func members(cgroup string) []int {
	data, _ := os.ReadFile(cgroup + "/cgroup.procs")
	var pids []int
	for _, word := range bytes.Fields(data) {
		if pid, err := strconv.Atoi(string(word)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// starve has the kernel kill a process for want of memory: it is moved into a
// cgroup with very little, where another one takes it all, and is the one that the
// kernel prefers to kill. It says whether that could be had.
func (r *round) starve(pid int) bool {
	if r.w.memory == "" {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	folder := filepath.Join(r.w.memory, r.name)
	if os.Mkdir(folder, 0o755) != nil {
		return false
	}
	r.starved = folder
	if testkit.MarkOf(pid) != r.mark {
		return false
	}
	for _, file := range [][2]string{
		{procPath(pid, "oom_score_adj"), "1000"}, {folder + "/cgroup.procs", strconv.Itoa(pid)},
		{folder + "/memory.swappiness", "0"}, {folder + "/memory.limit_in_bytes", "4M"},
	} {
		if os.WriteFile(file[0], []byte(file[1]), 0o644) != nil {
			return false
		}
	}
	for _, pid := range members(folder) {
		if testkit.MarkOf(pid) != r.mark { // it has another's pid by now
			_ = os.WriteFile(filepath.Dir(r.w.memory)+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0o644)
			return false
		}
	}
	script := fmt.Sprintf("echo $$ >%s/cgroup.procs && exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null", folder)
	hog := exec.Command("/bin/sh", "-c", script)
	hog.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := testkit.StartMarked(hog); err != nil {
		return false
	}
	died := testkit.Until(leftTime, func() bool { return ended(fd) })
	_ = hog.Process.Kill()
	_ = hog.Wait()
	return died
}

// ended says whether the process of a pidfd has ended: then it can be read.
func ended(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, _ := unix.Poll(fds, 0)
	return n > 0
}
