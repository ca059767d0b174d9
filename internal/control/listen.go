package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// file is the socket's path. It is relative, because the path in a socket's
// address ends after 107 bytes (unix(7)), and that of a folder may not.
const file = "control"

// Listen binds the socket `control` in the working directory, which must stay
// the same until Close. Clients can connect from now on; Serve accepts them.
//
// A socket that nobody listens on is removed first. The error is an *InUseError
// where another supervisor serves it; any other says what is in the way.
func Listen() (*Server, error) { return ListenAfter(func() error { return nil }) }

// ListenAfter is Listen for a caller that has something to do once it is clear
// that nobody else serves the socket, and before there is one: to write down
// what has to be removed even after a kill. Its error is ListenAfter's.
func ListenAfter(prepare func() error) (*Server, error) {
	unlock := lockFolder()
	defer unlock()
	if err := makeWay(); err != nil {
		return nil, err
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	listener, err := bind()
	if err != nil {
		return nil, fmt.Errorf("cannot make the socket control in the working directory: %v", err)
	}
	self, err := look()
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("cannot look at the socket control just made in the working directory: %v", err)
	}
	s := Adopt(listener)
	s.self = &identity{self.Dev, self.Ino}
	return s, nil
}

// Adopt serves a socket that somebody else has made and goes on listening on
// when the server is closed: it is not removed, and whoever connects after that
// waits for the next server. It may have any path, and any mode: only the user
// and root are served.
func Adopt(listener *net.UnixListener) *Server {
	return &Server{listener: listener, most: mostClients(), peers: map[*peer]struct{}{}, do: nobodyObeys}
}

// bind makes the socket. A socket has no mode of its own before it is bound,
// but bind gives the file that of the descriptor, without the umask's bits: so
// there is no moment in which others may connect.
func bind() (*net.UnixListener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd int) error { return unix.Fchmod(fd, 0o600) })
	}}
	l, err := config.Listen(context.Background(), "unix", file)
	if err != nil {
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err // which names the call; the rest is in the caller's words
		}
		return nil, err
	}
	listener := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false) // it may be somebody else's by then
	return listener, nil
}

// turnAway refuses new clients, and gives those that have connected already:
// a listener that is shut down keeps them until it is closed.
func turnAway(listener *net.UnixListener) []*net.UnixConn {
	raw, err := listener.SyscallConn()
	if err != nil {
		return nil
	}
	var conns []*net.UnixConn
	control(raw, func(fd int) error {
		if err := unix.Shutdown(fd, unix.SHUT_RDWR); err != nil {
			return err
		}
		for {
			client, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			if err != nil { // EAGAIN: that were all
				return err
			}
			f := os.NewFile(uintptr(client), file)
			conn, err := net.FileConn(f)
			f.Close()
			if err != nil {
				return err
			}
			conns = append(conns, conn.(*net.UnixConn))
		}
	})
	return conns
}

// makeWay sees to it that nothing is called control.
func makeWay() error {
	switch st, err := look(); {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return fmt.Errorf("cannot look at control in the working directory: %v", err)
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return errors.New("control in the working directory is not a socket: move it away, a supervisor makes its socket there")
	}
	switch pid, err := probe(); {
	case err == nil, errors.Is(err, unix.EAGAIN): // EAGAIN: so many wait that no more can
		return &InUseError{PID: pid}
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return &InUseError{}
	case errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("cannot see whether a supervisor serves the socket control in the working directory: connect: %v; remove it if none does", err)
	}
	if err := unix.Unlink(file); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot remove the socket control that a dead supervisor left in the working directory: %v", err)
	}
	return nil
}

// probe connects to the socket, without waiting, and gives the process that
// listens.
func probe() (pid int, err error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: file}); err != nil {
		return 0, err
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(peer.Pid), nil
}

// identity tells a file from another one of the same name. The number of a
// socket's inode isn't used again while the socket is open.
type identity struct {
	device uint64
	inode  uint64
}

// look describes what is called control.
func look() (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Lstat(file, &st)
	return st, err
}

// remove removes the socket's file, if it is this one's still.
func (id identity) remove() {
	unlock := lockFolder()
	defer unlock()
	if st, err := look(); err == nil && id == (identity{st.Dev, st.Ino}) {
		unix.Unlink(file)
	}
}

// lockFolder keeps supervisors that start or end in the same moment from taking
// each other's socket for a dead one's. Where the folder can't be locked (some
// file systems, folders that may not be read, somebody else's lock), they take
// that risk.
func lockFolder() (unlock func()) {
	fd, err := unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	for range 50 {
		if err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	return func() { unix.Close(fd) }
}

// mostClients is how many clients may be connected: each takes a descriptor,
// and 256, or three quarters of few, must be left to start containers with.
func mostClients() int {
	const spare, all = 256, 1 << 20
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1
	}
	most := int(min(limit.Cur, all))
	return max(most-spare, most/4, 1)
}

// control calls f with the descriptor behind raw.
func control(raw syscall.RawConn, f func(fd int) error) error {
	var err error
	if outer := raw.Control(func(fd uintptr) { err = f(int(fd)) }); outer != nil {
		return outer
	}
	return err
}
