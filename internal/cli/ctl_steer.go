package cli

import (
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// state prints the state of the moment.
func (c *ctl) state() int {
	conn, code := c.connect()
	if conn == nil {
		return code
	}
	defer conn.Close()
	s, ok := c.next(conn)
	if !ok {
		return exitNoAnswer
	}
	var text strings.Builder
	for _, f := range fields(s) {
		text.WriteString(f.String() + "\n")
	}
	c.print(s, text.String())
	return 0
}

// stop returns when the container is known not to be restarted any more.
func (c *ctl) stop() int {
	return c.send((*client.Conn).Stop, func(s client.State) bool { return !s.Restarting })
}

// kill returns when the container is down for good.
func (c *ctl) kill() int { return c.send((*client.Conn).Kill, client.State.Finished) }

// send sends a command, waits for a state that shows its effect, and prints
// what that is. A state of before the command shows it too if there was nothing
// left to do.
func (c *ctl) send(command func(*client.Conn) error, effect func(client.State) bool) int {
	conn, code := c.connect()
	if conn == nil {
		return code
	}
	defer conn.Close()
	if err := command(conn); err != nil {
		c.a.fail("%v", err)
		return exitNoAnswer
	}
	for {
		s, ok := c.next(conn)
		if !ok {
			return exitNoAnswer
		}
		if !effect(s) {
			continue
		}
		text := sentence(s)
		if s.Up {
			text += "; lanyard ctl wait waits for its end, lanyard ctl kill forces it"
		}
		c.print(s, text+"\n")
		return 0
	}
}

// exit ends the supervisor. While its container may still run the command
// would have no effect, and is not sent.
func (c *ctl) exit() int {
	conn, code := c.connect()
	if conn == nil {
		return code
	}
	defer conn.Close()
	s, ok := c.next(conn)
	if !ok {
		return exitNoAnswer
	}
	if !s.Finished() {
		c.a.fail("the supervisor in %s goes on, because its container is %s; end that first: lanyard ctl stop, then lanyard ctl wait", c.place(), condition(s))
		return exitNoEffect
	}
	silent := time.AfterFunc(c.quiet, func() { conn.Close() })
	defer silent.Stop()
	err := conn.Exit()
	for err == nil {
		_, err = conn.Next()
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, client.ErrNotRunning):
	case errors.Is(err, net.ErrClosed):
		c.a.fail("the supervisor in %s has not ended within %v; it may be stopped itself", c.place(), c.quiet)
		return exitNoAnswer
	default:
		c.a.fail("%v", err)
		return exitNoAnswer
	}
	c.print(s, "the supervisor has ended; its container was "+sentence(s)+"\n")
	return 0
}

// wait returns when the container is down for good, with its exit code.
func (c *ctl) wait() int {
	conn, code := c.connect()
	if conn == nil {
		return code
	}
	defer conn.Close()
	for {
		s, ok := c.next(conn)
		switch {
		case !ok:
			return exitNoAnswer
		case !s.Finished():
			continue
		}
		c.print(s, sentence(s)+"\n")
		if s.Err != "" {
			return run.ExitNotStarted
		}
		return s.ExitStatus.Code()
	}
}
