package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstSocket is the first descriptor that a manager passes (sd_listen_fds(3)).
const firstSocket = 3

// Listener gives the socket that the manager made and passed, nil if it passed
// none. It remains the manager's, who goes on listening on it: it is closed, but
// neither shut down nor is its file removed. An error says what else was passed.
// It is called once at most.
func (m Manager) Listener() (*net.UnixListener, error) {
	if m.listen == "" || m.listen == "0" {
		return nil, nil
	}
	n, err := strconv.ParseUint(m.listen, 10, 16)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot take the socket from the service manager: LISTEN_FDS is %q and should be 1", m.listen)
	case n != 1:
		return nil, fmt.Errorf("cannot take %d sockets from the service manager: only control can be one; leave one ListenStream= in the socket unit", n)
	}
	if err := listens(firstSocket); err != nil {
		return nil, fmt.Errorf("cannot take the socket from the service manager as control: %w", err)
	}
	file := os.NewFile(firstSocket, "control")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("cannot take the socket from the service manager as control: %w", err)
	}
	return listener.(*net.UnixListener), nil
}

// listens checks that fd is a unix stream socket that listens (socket(7)).
func listens(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return fmt.Errorf("descriptor %d is no socket (%w)", fd, err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	if domain != unix.AF_UNIX || kind != unix.SOCK_STREAM {
		return errors.New("it is no unix stream socket; name a path in ListenStream= of the socket unit")
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return err
	}
	if listening == 0 {
		return errors.New("it is a connection, not a socket that listens; leave Accept=yes out of the socket unit")
	}
	return nil
}
