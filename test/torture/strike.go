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
		if b.who == supervisor {
			r.struck = time.Now()
			if b.how == byOOM && !r.starve() {
				real = "OOM simulated by KILL"
				r.signal(syscall.SIGKILL)
			} else if b.how != byOOM {
				r.hit(r.cmd.Process.Pid, b.how)
			}
			continue
		}
		victims := named(list, argv0[b.who])
		if len(victims) == 0 {
			missed = true
			continue
		}
		r.hit(victims[rnd.IntN(len(victims))].pid, b.how)
	}
	if r.attack.then == "" && !missed || r.over() {
		return real
	}
	r.rest(r.attack.thenAfter)
	if r.attack.then == byTerm {
		r.hit(r.cmd.Process.Pid, byTerm)
		return real
	}
	r.struck = time.Now()
	r.signal(syscall.SIGKILL)
	return real
}

// hit kills one of this round's processes.
func (r *round) hit(pid int, how means) {
	switch how {
	case bySegv:
		r.send(pid, unix.SIGSEGV)
	case byAbrt:
		r.send(pid, unix.SIGABRT)
	case byStop:
		r.send(pid, unix.SIGSTOP)
		time.Sleep(10 * time.Millisecond)
		if pid == r.cmd.Process.Pid {
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
				return
			}
		}
	default:
		r.send(pid, unix.SIGKILL)
	}
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
// program's, where KILL does not reach it.
func (r *round) freeze(list []process) {
	r.frozen = filepath.Join(r.w.freezer, r.name)
	if os.Mkdir(r.frozen, 0o755) != nil {
		r.frozen = ""
		return
	}
	for _, p := range list {
		if strings.HasPrefix(p.name, "lanyard") || pidNamespace(p.pid) == ownNamespace || testkit.MarkOf(p.pid) != r.mark {
			continue
		}
		if os.WriteFile(r.frozen+"/cgroup.procs", []byte(strconv.Itoa(p.pid)), 0o644) == nil {
			break
		}
	}
	for _, pid := range members(r.frozen) {
		if testkit.MarkOf(pid) != r.mark { // it has another's pid by now
			return
		}
	}
	_ = os.WriteFile(r.frozen+"/freezer.state", []byte("FROZEN"), 0o644)
}

// thaw ends that, a little after the supervisor's end.
func (r *round) thaw() {
	if r.frozen == "" {
		return
	}
	time.Sleep(20 * time.Millisecond)
	_ = os.WriteFile(r.frozen+"/freezer.state", []byte("THAWED"), 0o644)
	r.struck = time.Now()
	if testkit.Until(leftTime, func() bool { return os.Remove(r.frozen) == nil }) {
		r.frozen = ""
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

// starve has the kernel kill the supervisor for want of memory: it is moved into
// a cgroup with very little, where another process takes it all, and is the one
// that the kernel prefers to kill. It says whether that could be had.
func (r *round) starve() bool {
	if r.w.memory == "" || r.over() {
		return false
	}
	folder := filepath.Join(r.w.memory, r.name)
	if os.Mkdir(folder, 0o755) != nil {
		return false
	}
	defer testkit.Until(leftTime, func() bool { return os.Remove(folder) == nil })
	pid := r.cmd.Process.Pid // nobody else's before it is waited for
	for path, text := range map[string]string{
		folder + "/memory.limit_in_bytes": "4M", folder + "/memory.swappiness": "0",
		procPath(pid, "oom_score_adj"): "1000", folder + "/cgroup.procs": strconv.Itoa(pid),
	} {
		if os.WriteFile(path, []byte(text), 0o644) != nil {
			return false
		}
	}
	script := fmt.Sprintf("echo $$ >%s/cgroup.procs && exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null", folder)
	hog := exec.Command("/bin/sh", "-c", script)
	hog.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := testkit.StartMarked(hog); err != nil {
		return false
	}
	died := r.wait(leftTime)
	_ = hog.Process.Kill()
	_ = hog.Wait()
	return died
}
