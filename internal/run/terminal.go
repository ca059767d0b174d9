package run

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"golang.org/x/sys/unix"
)

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// terminal is the controlling terminal while a single command may use it, and
// the job control that goes with it. The command's group is the foreground
// group, so that the terminal's keys reach the command and not lanyard: from
// the start, or in a pipeline, whose other programs may want the terminal too,
// once the command asks for it.
type terminal struct {
	fd       int
	children *children
	eager    bool          // the foreground comes without being asked for
	hangup   chan struct{} // closed when the terminal is gone
	gone     func()        // closes hangup, once
	end      func()        // ends what listens for the terminal's signals and its end

	mu      sync.Mutex
	fore    bool          // the command was given the foreground
	asked   bool          // it was stopped for wanting the terminal, and is to have it
	saved   unix.Termios  // as it was before the command had it
	command *unix.Termios // as the command had it when it was last taken away; nil: never
}

// openTerminal gives a single command lanyard's controlling terminal; nil if
// there is none.
func openTerminal(spec *container.Spec, e *children) *terminal {
	t := &terminal{fd: -1, children: e, hangup: make(chan struct{})}
	t.gone = sync.OnceFunc(func() { close(t.hangup) })
	for _, fd := range []int{0, 2, 1} {
		if _, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil { // ENOTTY if it is another session's
			t.fd, spec.Stage.TTY, spec.Stage.Root.Console = fd, fd, fd
			break
		}
	}
	t.eager = t.fd >= 0 && !inPipeline()
	if t.fd < 0 {
		fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // ENXIO: there is none
		if err != nil {
			return nil
		}
		t.fd = fd
	}
	t.save()
	spec.Stage.JobControl = true
	endWatch, endGuard := t.watch(), t.guard()
	t.end = func() { endWatch(); endGuard() }
	return t
}

// inPipeline says whether the shell has joined lanyard with other programs.
func inPipeline() bool {
	for fd := 0; fd <= 2; fd++ {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			continue
		}
		if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFIFO || kind == unix.S_IFSOCK {
			return true
		}
	}
	return false
}

// guard deals with the signals for using a terminal from the background, where
// lanyard is while the command has the foreground. They go to lanyard's whole
// job, so one that lanyard did not cause means that a neighbour in the pipeline
// wants the terminal.
func (t *terminal) guard() (end func()) {
	if t.eager {
		signal.Ignore(syscall.SIGTTOU)
		return func() { signal.Reset(syscall.SIGTTOU) }
	}
	wanted := make(chan os.Signal, 1)
	signal.Notify(wanted, syscall.SIGTTIN, syscall.SIGTTOU)
	go func() {
		for range wanted {
			t.yield()
		}
	}()
	return func() {
		signal.Stop(wanted)
		close(wanted)
	}
}

// yield lets the rest of the job have the terminal, until the command asks for
// it again.
func (t *terminal) yield() {
	t.mu.Lock()
	had := t.fore
	t.takeBack()
	t.mu.Unlock()
	if had {
		_ = syscall.Kill(0, syscall.SIGCONT)
	}
}

// prepare decides, right before the start, whether the command starts in the
// foreground.
func (t *terminal) prepare(st *stage.Spec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.eager && t.foreground() == unix.Getpgrp() {
		t.save()
		t.fore, st.Foreground = true, true
	}
}

// foreground is the terminal's foreground group: 0 if it is in none of our pid
// namespaces, -1 if the terminal is gone.
func (t *terminal) foreground() int {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

func (t *terminal) save() {
	if now, err := unix.IoctlGetTermios(t.fd, unix.TCGETS); err == nil {
		t.saved = *now
	}
}

// set never waits for output (TCSETS, not TCSETSW): a terminal that was stopped
// with Ctrl-S would hold lanyard back.
func (t *terminal) set(to *unix.Termios) {
	t.quietly(func() { _ = unix.IoctlSetTermios(t.fd, unix.TCSETS, to) })
}

// quietly runs f with TTOU blocked: only so may a background group change a
// terminal (tcsetpgrp(3)).
func (t *terminal) quietly(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var set, old unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGTTOU - 1)
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old)
	f()
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}

// takeBack gives lanyard's own job the foreground, with the settings of before,
// if the command has it: a shell that took it must not lose it. The caller
// holds mu.
func (t *terminal) takeBack() {
	if !t.fore {
		return
	}
	t.fore = false
	group, own := t.foreground(), unix.Getpgrp()
	if group != own && !inContainer(group) {
		return
	}
	t.command, _ = unix.IoctlGetTermios(t.fd, unix.TCGETS)
	if group != own {
		t.quietly(func() { _ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, own) })
	}
	t.set(&t.saved)
}

// Suspend follows the command into its stop, so that the shell gets the
// terminal: lanyard's whole job stops by the same signal. A command that was
// stopped for wanting the terminal is given it instead, if lanyard's job is the
// foreground one.
func (t *terminal) Suspend() {
	sig := t.children.stopSignal()
	wants := sig == syscall.SIGTTIN || sig == syscall.SIGTTOU
	t.mu.Lock()
	if wants && !t.fore && t.foreground() == unix.Getpgrp() {
		t.asked = true
		t.mu.Unlock()
		_ = syscall.Kill(os.Getpid(), syscall.SIGCONT) // Resume follows
		return
	}
	if t.fore && !t.eager {
		t.asked = true // after the stop it is to be as it was
	}
	t.takeBack()
	t.mu.Unlock()
	switch {
	case !orphaned():
		stopJob(sig)
	case wants:
		// As the kernel does with a stopped group that loses its shell
		// (setpgid(2)): nobody could ever continue it.
		t.children.mux.Message("the command wants to use the terminal from the background, where no shell could continue it: it gets a HUP")
		t.gone()
	default:
		_ = syscall.Kill(os.Getpid(), syscall.SIGCONT)
	}
}

// Resume hands the terminal to the command again, if the shell has put
// lanyard's job into the foreground.
func (t *terminal) Resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	group := t.foreground()
	if group != unix.Getpgrp() {
		if !inContainer(group) {
			t.fore = false
		}
		return
	}
	if !t.eager && !t.asked {
		return
	}
	if !t.fore {
		t.save()
	}
	if t.command != nil {
		t.set(t.command)
	}
	t.fore, t.asked, t.command = true, false, nil
	t.children.foreground()
}

// restore leaves the terminal as it was before the command.
func (t *terminal) restore() {
	t.end()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takeBack()
	if t.fd > 2 {
		unix.Close(t.fd) // opened by openTerminal
	}
}
