package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Helper is this program again, as root of the ids that containers have, in a
// mount namespace of its own: it does what only those ids may do with files. It
// dies with us, and gets no environment and no descriptor but null, our stderr and
// its end of a socket, HelperSocket. It has all signals blocked.
type Helper struct {
	pid    int
	socket *os.File

	mu    sync.Mutex // who kills may come late
	pidfd int        // -1 once it is closed
}

// HelperSocket is the descriptor that a helper talks through.
const HelperSocket = 3

// helperStart is the first line that a helper gets, once its ids are mapped.
type helperStart struct {
	Become    bool `json:"become"`     // become root of the user namespace first
	SetGroups bool `json:"set_groups"` // and leave the caller's supplementary groups
}

// StartHelper executes this program as argv0, in a user namespace with the ids of
// u, or as root without one if u is nil. With pids it is the first process of a
// pid namespace, so that whatever it starts dies with it.
func StartHelper(argv0 string, u *UserNS, pids bool) (h *Helper, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "helper")
	defer theirs.Close()
	err = unix.SetNonblock(pair[0], true)
	ours := os.NewFile(uintptr(pair[0]), "helper")
	null, err2 := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err = errors.Join(err, err2); err != nil {
		ours.Close()
		return nil, fmt.Errorf("cannot prepare a helper's descriptors: %w", err)
	}
	defer null.Close()
	h = &Helper{socket: ours}
	sys := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setsid: true, PidFD: &h.pidfd}
	if pids {
		sys.Cloneflags |= unix.CLONE_NEWPID
	}
	if u != nil {
		u.apply(sys)
	}
	if h.pid, err = spawn(self(), argv0, []*os.File{null, null, os.Stderr, theirs}, sys); err != nil {
		ours.Close()
		return nil, cloneError(err, u != nil)
	}
	if u != nil && !u.Own() {
		err = u.Host.Write(h.pid, u.UIDs, u.GIDs)
	}
	if err == nil {
		err = json.NewEncoder(ours).Encode(helperStart{Become: u != nil && !u.Own(), SetGroups: u != nil && u.SetGroups()})
	}
	if err != nil {
		_ = h.Close()
		return nil, err
	}
	return h, nil
}

// Socket is our end of the helper's socket. Reads and writes can be interrupted
// by Close.
func (h *Helper) Socket() io.ReadWriter { return h.socket }

// KillWith kills the helper when ctx is over. The function that it gives ends
// that.
func (h *Helper) KillWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, h.kill)
}

func (h *Helper) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pidfd >= 0 {
		_ = unix.PidfdSendSignal(h.pidfd, unix.SIGKILL, nil, 0)
	}
}

// Close kills the helper if it has not ended, and reaps it.
func (h *Helper) Close() error {
	h.kill()
	h.socket.Close()
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(h.pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	unix.Close(h.pidfd)
	h.pidfd = -1
	if status.Signaled() && status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("a helper was %s", describe(status))
	}
	return nil
}

// BeginHelper is what a helper does first, on its first goroutine in its first
// thread, which it keeps: it waits until its ids are mapped and becomes their
// root. It gives its socket; nil if the parent is gone. An error is to be told.
func BeginHelper() (*os.File, *json.Decoder, error) {
	socket := os.NewFile(HelperSocket, "helper")
	in := json.NewDecoder(socket)
	var start helperStart
	if err := in.Decode(&start); err != nil {
		return nil, nil, err
	}
	if start.Become {
		if err := start.become(); err != nil {
			return socket, in, err
		}
	}
	// Who died before that sends no signal, but has closed its end.
	end := []unix.PollFd{{Fd: HelperSocket, Events: unix.POLLRDHUP}}
	if n, err := unix.Poll(end, 0); err != nil || n > 0 {
		return nil, nil, io.EOF
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return socket, in, fmt.Errorf("cannot make mounts slaves of the host's: %w", err)
	}
	return socket, in, nil
}

func (h helperStart) become() error {
	err := syscall.Setresgid(0, 0, 0)
	if h.SetGroups {
		err = errors.Join(err, syscall.Setgroups([]int{}))
	}
	if err = errors.Join(err, syscall.Setresuid(0, 0, 0)); err != nil {
		return fmt.Errorf("cannot become root of the user namespace: %w", err)
	}
	// A change of credentials clears it (prctl(2)).
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("cannot tie a helper to its parent: %w", err)
	}
	return nil
}
