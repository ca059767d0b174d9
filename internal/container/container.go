package container

import (
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"golang.org/x/sys/unix"
)

// Spec is one container to start.
type Spec struct {
	Name   string     // unique in the run; names its cgroup
	Stage  stage.Spec // root and command
	Stdio  [3]*os.File
	UserNS *UserNS       // nil: no user namespace
	Init   *Init         // one for these Stdio, UserNS and Stage.Session; nil: none was cloned ahead
	Limits cgroup.Limits // an empty one needs no cgroup
	// BestEffort: limits that this host can't enforce are a Warned event, and
	// the container starts without any.
	BestEffort bool
	// Cgroup, if it is not nil, is the one that the command enters, instead of
	// one for Limits: the caller's, who makes and removes it, for any number of
	// starts one after another.
	Cgroup *cgroup.Group
	// Before is called while the container's init begins and builds the root, which
	// takes it as long as we need to run this, and before the command runs. An
	// error is a start that failed. nil: nothing.
	Before func() error
}

// UserNS is a user namespace: which ids stand for which outside. Where it is
// one user and one group, both the caller's, nobody's help is needed to map
// them; everything else takes newuidmap and newgidmap.
type UserNS struct {
	UIDs, GIDs []ids.Map
	Host       ids.Host // for the helpers
}

// OwnIDs maps one user and one group to the caller's own.
func OwnIDs(uid, gid uint32) *UserNS {
	return &UserNS{
		UIDs: []ids.Map{{Inside: uid, Outside: uint32(os.Geteuid()), Count: 1}},
		GIDs: []ids.Map{{Inside: gid, Outside: uint32(os.Getegid()), Count: 1}},
	}
}

// Own says whether the namespace needs no helper: one user and one group are
// mapped, both the caller's.
func (u *UserNS) Own() bool {
	one := func(maps []ids.Map, id int) bool {
		return len(maps) == 1 && maps[0].Count == 1 && maps[0].Outside == uint32(id)
	}
	return one(u.UIDs, os.Geteuid()) && one(u.GIDs, os.Getegid())
}

// SetGroups says whether supplementary groups can be set in the namespace. Where
// only the caller's own group is mapped that is denied: it would take a group away
// from the caller to whom a file's mode grants less than to others (user_namespaces(7)).
func (u *UserNS) SetGroups() bool { return !u.Own() && u.Host.Grants(u.GIDs) }

// Event is what happens to a container. The order is: any number of Warned; Started or
// Failed; any number of Stopped; at most one Exited; Gone, which is always the last.
type Event struct {
	Kind   EventKind
	PID    int                // Started: the stage, as the caller sees it
	Err    error              // Failed: the step that failed; Gone: why a running container was given up
	Bug    bool               // Failed, Gone: Err is not the user's doing; Lanyard or the kernel failed
	Status syscall.WaitStatus // Exited, Stopped: the command's; Gone: the stage's
	CPU    time.Duration      // Gone: CPU time of the stage and of all that was waited for in the container
	OOM    bool               // Exited, Gone: the kernel killed a process for lack of memory: within the last half second, or not told before, or when the command was on its way out
	OOMs   uint64             // Exited, Gone: processes killed so that nobody was told of before, see cgroup.Group.TakeOOM
	NoOOM  bool               // Exited, Gone: nothing counts such kills here
}

// EventKind says what an Event tells.
type EventKind uint8

// The events of a container.
const (
	Warned  EventKind = iota // Err says what this host can't do; comes before all others
	Started                  // the command has been executed
	Failed                   // it could not be started; Gone follows
	Stopped                  // job control stopped the command
	Exited                   // the command has ended; what else runs in the container is being killed
	Gone                     // no process of the container is left
)

// Container is a container that starts, runs or ends. Its methods can be used
// from any goroutine and never block.
type Container struct {
	spec   *Spec
	engine *Engine
	notify func(Event)

	mu      sync.Mutex
	pidfd   int      // of the stage; -1 before the clone and after the reap
	pid     int      // of the stage, valid with pidfd
	command int      // pidfd of the command; -1 before it runs and after the reap
	socket  int      // parent's end, for messages; -1 before the spec is sent and at the end
	queued  [][]byte // messages for the time when socket is ready
	killed  bool
	pidNS   string      // link text of the pid namespace, once killed
	overdue *time.Timer // kills a stage that does not end; nil before it says that it will
}

// Signal sends sig to the command through its pidfd, or has the stage send it to
// the command's process group. What is sent before the command runs goes to the
// stage too, and arrives when the command does.
func (c *Container) Signal(sig syscall.Signal, to stage.Target) {
	if to == stage.ToCommand && c.signalCommand(sig) {
		return
	}
	c.message(stage.SignalFrame(int(sig), to))
}

// signalCommand signals a running command through its pidfd: fifty siblings
// have their TERM long before fifty stages would have been scheduled.
func (c *Container) signalCommand(sig syscall.Signal) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command < 0 {
		return false
	}
	linux.SignalPidfd(c.command, sig)
	if stage.Continues(sig) {
		time.AfterFunc(continueAfter, c.resume)
	}
	return true
}

// continueAfter lets the siblings have their TERM first.
const continueAfter = 20 * time.Millisecond

func (c *Container) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command >= 0 {
		linux.SignalPidfd(c.command, unix.SIGCONT)
	}
}

// Foreground gives the command's process group the terminal again.
func (c *Container) Foreground() { c.message(stage.ForegroundFrame()) }

func (c *Container) message(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket < 0 {
		c.queued = append(c.queued, data)
		return
	}
	c.transmit(data)
}

// transmit is called with mu held. A stage that reads nothing is stopped or
// frozen; its socket holds thousands of messages before one is dropped here.
func (c *Container) transmit(data []byte) {
	_ = unix.Send(c.socket, data, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// Kill kills the stage and with it every process of the container. A container
// that is not cloned yet never will be.
func (c *Container) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	c.killStage()
}

// killStage is called with mu held.
func (c *Container) killStage() {
	if c.pidfd < 0 {
		return
	}
	if c.pidNS == "" {
		c.pidNS, _ = os.Readlink(procPath(c.pid, "ns/pid"))
	}
	linux.SignalPidfd(c.pidfd, unix.SIGKILL)
}

// lastWords is how long a stage may stay after it has said that the command's
// end, or a failed step, is its own: it ends at once unless somebody has stopped
// it, or it is none of ours any more.
const lastWords = time.Second

// seeOff has a stage killed that does not end by itself.
func (c *Container) seeOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.overdue != nil || c.pidfd < 0 {
		return
	}
	c.overdue = time.AfterFunc(lastWords, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.killStage()
	})
}
