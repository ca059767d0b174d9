package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// markName is the variable that every command has in its environment.
const markName = "TORTURE_MARK"

// How long things may take on a machine of today.
var (
	leftTime = testkit.Slow(2 * time.Second)  // what outlives a lanyard
	endTime  = testkit.Slow(15 * time.Second) // a supervisor that is to end
	upTime   = testkit.Slow(time.Second)      // inits that are waited for, and 20 ms for each; then it goes on without
)

// round is a plan that is carried out. Its methods are called by one goroutine,
// which is locked to its thread: the supervisor dies with it.
type round struct {
	*plan
	w      *workshop
	name   string // in the path of all it makes, nobody else's
	dir    string
	home   string // of lanyard.yaml or agent.json
	before *outside

	cmd    *exec.Cmd
	mark   uint64
	stdout *os.File           // the read end, nil if there is none
	ended  chan struct{}      // closed when the supervisor is reaped
	status syscall.WaitStatus // valid then
	crowd  *crowd             // clients
	slain  bool               // the supervisor was killed while it lived
	struck time.Time          // when its death began
	seen   time.Time          // when what can be left has been looked at; proofs come after that
	pids   map[int]bool       // that were seen to be this round's
	spaces map[string]bool    // pid namespaces, the same
	frozen *freezer           // nil if nothing was frozen
	next   int                // the pid of the start after a round whose janitor was killed

	starved string // the cgroup of a death for want of memory
}

// result is what came of a round.
type result struct {
	clean time.Duration // from the supervisor's death until nothing was left; -1: something was
	swept time.Duration // from the start that sweeps until nothing was left, the same; 0: there was none
	left  []leftover
	text  string // what lanyard wrote to stderr
	real  string // how the victims died, where not as planned
}

func newRound(p *plan, w *workshop) (*round, error) {
	r := &round{plan: p, w: w, name: fmt.Sprintf("%s-%d", w.name, p.seed), ended: make(chan struct{}), pids: map[int]bool{}, spaces: map[string]bool{}}
	r.dir = filepath.Join(w.dir, r.name)
	r.home = filepath.Join(r.dir, "home")
	if err := os.MkdirAll(r.home, 0o755); err != nil {
		return nil, err
	}
	file := "lanyard.yaml"
	if p.service {
		file = "agent.json"
		if err := os.Symlink(w.root, filepath.Join(r.home, "rootfs")); err != nil {
			return nil, err
		}
	}
	text := strings.NewReplacer("ROOT", w.root, "MARK", r.name).Replace(p.file)
	return r, os.WriteFile(filepath.Join(r.home, file), []byte(text), 0o644)
}

// play carries the plan out. An error is the torture program's own failure.
func (r *round) play() (res result, err error) {
	r.before = r.w.outside()
	if err := r.start(); err != nil {
		return res, err
	}
	r.crowd = r.connect()
	defer func() {
		r.clear()
		text, _ := os.ReadFile(filepath.Join(r.dir, "stderr"))
		res.text = string(text)
	}()
	if r.attack.up {
		testkit.Until(upTime+testkit.Slow(time.Duration(len(r.doing))*20*time.Millisecond), func() bool { return r.over() || len(testkit.Named(r.look(), "lanyard-init")) >= len(r.doing) })
	}
	r.rest(r.attack.after)
	if r.attack.told {
		r.signal(syscall.SIGTERM)
		r.rest(r.attack.grace)
	}
	res.real = r.strike()
	if !r.wait(endTime) {
		res.left = append(res.left, leftover{"supervisor", fmt.Sprintf("the supervisor has not ended %v after %s", endTime, r.attack)})
		r.signal(syscall.SIGKILL)
		r.wait(endTime)
	}
	if !r.slain {
		r.struck = time.Now() // it ended by itself: what is left is there from now on
	}
	r.thaw()
	res.clean = r.awaitNothing(r.struck, &res)
	if !r.attack.sweeps {
		return res, nil
	}
	begun := time.Now()
	if err := r.startNext(); err != nil {
		res.left = append(res.left, leftover{"next start", err.Error()})
	}
	r.attack.sweeps = false
	res.swept = r.awaitNothing(begun, &res)
	return res, nil
}

// awaitNothing looks until nothing is left, first after a millisecond, then ever
// less often.
func (r *round) awaitNothing(since time.Time, res *result) time.Duration {
	limit := time.Now().Add(leftTime)
	for wait := time.Millisecond; ; wait = min(wait*3/2, 50*time.Millisecond) {
		begun := time.Now()
		left := r.leftovers()
		if len(left) == 0 {
			return r.seen.Sub(since)
		}
		if begun.After(limit) {
			res.left = append(res.left, left...)
			return -1
		}
		time.Sleep(wait)
	}
}

func (r *round) command(words ...string) *exec.Cmd {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/", "XDG_RUNTIME_DIR=" + r.w.runtime, "XDG_CONFIG_HOME=" + r.w.dir,
		"LANYARDENV_" + markName + "=" + r.name,
	}
	return &exec.Cmd{
		Path: r.w.lanyard, Args: append([]string{"lanyard"}, words...), Dir: r.home, Env: env,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
}

func (r *round) start() error {
	words := make([]string, len(r.words))
	for i, word := range r.words {
		if words[i] = word; word == serviceID {
			words[i] = r.name
		}
	}
	r.cmd = r.command(words...)
	stderr, err := os.Create(filepath.Join(r.dir, "stderr"))
	if err != nil {
		return err
	}
	defer stderr.Close()
	r.cmd.Stderr = stderr
	if r.output != toNull {
		read, write, err := os.Pipe()
		if err != nil {
			return err
		}
		defer write.Close()
		r.cmd.Stdout, r.stdout = write, read
		if r.output == toClosed {
			defer read.Close()
			r.stdout = nil
		}
	}
	if r.mark, err = testkit.StartMarked(r.cmd); err != nil {
		return err
	}
	r.pids[r.cmd.Process.Pid] = true
	go func() {
		_ = r.cmd.Wait()
		r.status = r.cmd.ProcessState.Sys().(syscall.WaitStatus)
		close(r.ended)
	}()
	return nil
}

// startNext starts lanyard once more, which is to remove what is left: the same
// service, or a command of the same project.
func (r *round) startNext() error {
	words := []string{"next"}
	if r.service {
		words = append([]string{"supervise", "--hostname", "box", "--ID", r.name, "--"}, "true")
	}
	cmd := r.command(words...)
	if _, err := testkit.StartMarked(cmd); err != nil {
		return err
	}
	r.next = cmd.Process.Pid
	overdue := time.AfterFunc(endTime, func() { _ = cmd.Process.Kill() })
	defer overdue.Stop()
	if r.service {
		go r.dismiss(cmd)
	}
	return cmd.Wait()
}

// dismiss ends a service in an orderly way, once it serves: before that a TERM
// may meet a process that does not know what to do with it yet.
func (r *round) dismiss(cmd *exec.Cmd) {
	testkit.Until(endTime, func() bool {
		conn, err := client.Dial(background, r.home)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	_ = cmd.Process.Signal(syscall.SIGTERM)
}

// look gives this round's processes and remembers what they are known by.
func (r *round) look() []testkit.Process {
	list := testkit.Living(r.w.census.marked()[r.mark])
	for _, p := range list {
		r.pids[p.PID] = true
		if ns := pidNamespace(p.PID); ns != "" && ns != ownNamespace {
			r.spaces[ns] = true
		}
	}
	return list
}

var ownNamespace = pidNamespace(os.Getpid())

func (r *round) signal(sig syscall.Signal) { _ = r.cmd.Process.Signal(sig) }

func (r *round) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// rest waits, but not longer than the supervisor lives.
func (r *round) rest(d time.Duration) { r.wait(d) }

// wait waits for the supervisor's end.
func (r *round) wait(limit time.Duration) bool {
	over := time.NewTimer(limit)
	defer over.Stop()
	select {
	case <-r.ended:
		return true
	case <-over.C:
		return false
	}
}

// clear ends and removes what a round that failed has left, and the round's
// folder.
func (r *round) clear() {
	r.thaw()
	r.signal(syscall.SIGKILL)
	<-r.ended
	for range 20 {
		list := testkit.Living(r.w.census.marked()[r.mark])
		if len(list) == 0 {
			break
		}
		for _, p := range list {
			r.send(p.PID, unix.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.removeCgroups()
	r.crowd.end()
	if r.stdout != nil {
		r.stdout.Close()
	}
}

// drained says whether nobody has stdout open any more: a reader comes to its end.
func (r *round) drained() bool {
	if r.stdout == nil {
		return true
	}
	_ = r.stdout.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := io.Copy(io.Discard, r.stdout)
	return err == nil
}

var background = context.Background()
