package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/sse"
)

// oPath is O_PATH of open(2), which package syscall lacks; the number is the
// same on every architecture that Go has. It asks for no permission to read
// the folder.
const oPath = 0x200000

// crowded is the wait for a supervisor that so many clients connect to at once
// that the kernel keeps no more of them.
const crowded = 10 * time.Millisecond

// Conn is a connection to a supervisor. Next is for one goroutine at a time;
// the other methods may be called from any, also while Next waits.
type Conn struct {
	dir     string
	socket  net.Conn
	decoder sse.Decoder
	buffer  []byte
	states  []json.RawMessage // that have come, but were not asked for
}

// Dial connects to the supervisor of the folder dir, in which the socket
// `control` is; the path may be of any length. ctx bounds the connecting, not
// the connection: end that with Close.
//
// The error is ErrNotRunning (see there) if no supervisor runs, one that
// matches fs.ErrNotExist if there is no such folder, and fs.ErrPermission if
// the supervisor is another user's. A supervisor that has too many clients, or
// doesn't serve this user, accepts and closes: Next says io.EOF then.
func Dial(ctx context.Context, dir string) (*Conn, error) {
	folder, err := syscall.Open(dir, oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder of a supervisor: %w", &os.PathError{Op: "open", Path: dir, Err: err})
	}
	defer syscall.Close(folder)
	// Through the descriptor, as a socket's path ends after 107 bytes.
	path := "/proc/self/fd/" + strconv.Itoa(folder) + "/control"
	for {
		socket, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			return &Conn{dir: dir, socket: socket, buffer: make([]byte, 4<<10)}, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cannot connect to the socket control in %s: %w", dir, ctx.Err())
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return nil, dialError(dir, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(crowded):
		}
	}
}

// dialError says what came of the attempt to connect.
func dialError(dir string, err error) error {
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w in %s", ErrNotRunning, dir)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno // the rest names a path that means nothing to others
	}
	return fmt.Errorf("cannot connect to the socket control in %s: %w", dir, err)
}

// Next waits for the next state. The first is the current one, and comes at
// once, unless the supervisor is still starting its container for the first
// time; then one comes on every change, and every 3 s while the container is
// up. A client that is slower than that misses states between others, never
// the newest.
//
// The error is io.EOF when the supervisor has closed the connection or is gone,
// and net.ErrClosed after Close. Events and keys that this package doesn't know
// are passed over.
func (c *Conn) Next() (State, error) {
	for len(c.states) == 0 {
		n, err := c.socket.Read(c.buffer)
		c.decoder.Feed(c.buffer[:n], func(e sse.Event) {
			if e.Name == EventState {
				c.states = append(c.states, append(json.RawMessage(nil), e.Data...))
			}
		})
		if len(c.states) == 0 && err != nil {
			return State{}, c.readError(err)
		}
	}
	data := c.states[0]
	c.states = c.states[1:]
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("the supervisor in %s sent a state that can't be read: %w", c.dir, err)
	}
	return s, nil
}

// readError says why nothing can be read. A supervisor that was killed with
// commands unread resets the connection.
func (c *Conn) readError(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return io.EOF
	case errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	default:
		return fmt.Errorf("cannot read from the supervisor in %s: %w", c.dir, err)
	}
}

// Stop asks the container to end, by TERM, and not to be started again. There
// is no answer but the states that follow. Nothing escalates by itself: Kill a
// container that takes too long. The error says that the command didn't reach
// the supervisor; it is ErrNotRunning if that is gone.
func (c *Conn) Stop() error { return c.send(EventStop) }

// Kill ends the container by KILL, and it is not started again. As with Stop,
// the states tell.
func (c *Conn) Kill() error { return c.send(EventKill) }

// Exit ends the supervisor, which closes the connection: read until Next says
// io.EOF. While the container is up, or about to be restarted, Exit has no
// effect.
func (c *Conn) Exit() error { return c.send(EventExit) }

func (c *Conn) send(command string) error {
	_, err := c.socket.Write(sse.Append(nil, command, nil))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("cannot send %s: %w in %s any more", command, ErrNotRunning, c.dir)
	case errors.Is(err, net.ErrClosed):
		return fmt.Errorf("cannot send %s: %w", command, net.ErrClosed)
	default:
		return fmt.Errorf("cannot send %s to the supervisor in %s: %w", command, c.dir, err)
	}
}

// Close ends the connection; the supervisor and its container go on. Commands
// that were sent are obeyed all the same.
func (c *Conn) Close() error { return c.socket.Close() }
