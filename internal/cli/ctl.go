package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// Exit codes of ctl besides 0, run.ExitUsage, run.ExitNotStarted (no supervisor
// is there) and those of containers, which wait hands on.
const (
	exitNoEffect = 1   // exit, while the container is up or about to be restarted
	exitNoAnswer = 125 // the supervisor went away, or was silent, before it had said what was asked for
)

// answerTime is how long a supervisor that is starting its container may be
// silent before ctl says so.
const answerTime = 10 * time.Second

var (
	optDirectory = option{long: "directory", short: "C", value: "DIR", help: "the supervisor's directory, which holds its socket control; the current one by default"}
	optStates    = option{long: "json", help: "print states as they are on the wire, one JSON object on each line"}
)

// ctlVerb describes ctl. It reads its words itself: none of its options means
// anything elsewhere.
func ctlVerb() *verb {
	return &verb{
		name: "ctl", args: "state|watch|stop|kill|exit|wait", about: "See and steer a container that lanyard supervise runs",
		text: "Talks to the supervisor whose socket, control, is in the current directory or in DIR. No project file is needed. Only the user whose supervisor it is, and root, may.\n\n" +
			"state prints how the container is. If it is just being started for the first time, that takes until it is up or has failed, 10 s at most.\n\n" +
			"watch shows that as it changes, until Ctrl-C: on a terminal a view that is kept up to date, elsewhere a line for each change. It waits for a supervisor that is away.\n\n" +
			"stop sends TERM to the container, which is not restarted any more, and returns when the supervisor has taken note. It does not wait for the end (wait does), and nothing follows by itself if the container takes its time (kill does).\n\n" +
			"kill sends KILL to the container, which is not restarted any more, and returns when it is down.\n\n" +
			"exit ends the supervisor and returns when it has gone. That is possible only when the container is down for good; otherwise nothing happens and the exit code is 1.\n\n" +
			"wait returns when the container is down for good. Its exit code is the container's: what the command exited with, or 128 and the number of the signal that ended it; 127 if it could not be started.\n\n" +
			"Other exit codes: 122 wrong words, 125 the supervisor went away (or was silent for 10 s) before it had said what was asked for, 127 no supervisor is there or it may not be spoken to.",
		example: "lanyard ctl -C /var/lib/web watch\nlanyard ctl stop && lanyard ctl wait\nlanyard ctl state --json | jq .container_metrics.memory_usage",
		options: []*option{&optDirectory, &optStates, &optHelp},
		least:   1, most: 1, words: (*app).ctl,
	}
}

// ctlCommand is one of the words that ctl takes.
type ctlCommand struct {
	name, about string
	run         func(*ctl) int
}

func ctlCommands() []ctlCommand {
	return []ctlCommand{
		{"state", "print how the container is", (*ctl).state},
		{"watch", "show how it changes, until Ctrl-C", (*ctl).watch},
		{"stop", "send TERM; no restart follows", (*ctl).stop},
		{"kill", "send KILL; no restart follows", (*ctl).kill},
		{"exit", "end the supervisor of a container that is down", (*ctl).exit},
		{"wait", "wait for the container's end, and exit as it did", (*ctl).wait},
	}
}

// ctl is one call of lanyard ctl.
type ctl struct {
	a     *app
	dir   string        // the supervisor's directory as it was given, "." by default
	json  bool          // print states as JSON
	quiet time.Duration // how long the supervisor may be silent, see answerTime
}

// ctl reads its words and carries one command out.
func (a *app) ctl(args []string) int {
	v := ctlVerb()
	c := &ctl{a: a, dir: ".", quiet: answerTime}
	options, words, err := scanAll(v.options, args)
	for _, g := range options {
		switch {
		case g.option == &optHelp:
			return a.show(verbHelp(v))
		case g.option == &optStates:
			c.json = true
		case g.option == &optDirectory && len(g.values) > 0:
			c.dir = g.values[0]
		}
	}
	var found *ctlCommand
	if err == nil {
		found, err = ctlWord(v, words)
	}
	if err == nil && c.dir == "" {
		err = usagef("--directory is empty: name the supervisor's directory")
	}
	if err != nil {
		return a.usage(err, v.usage())
	}
	return found.run(c)
}

// ctlWord finds the command that words name.
func ctlWord(v *verb, words []string) (*ctlCommand, error) {
	if err := v.count(words); err != nil {
		return nil, err
	}
	var names []string
	for _, known := range ctlCommands() {
		if known.name == words[0] {
			return &known, nil
		}
		names = append(names, known.name)
	}
	hint := ""
	if near := plan.Nearest(words[0], names); near != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", near)
	}
	return nil, usagef("ctl has no %q%s; it has %s", words[0], hint, strings.Join(names, ", "))
}

// place is the supervisor's directory as messages name it.
func (c *ctl) place() string {
	if filepath.IsAbs(c.dir) || c.a.dir == "" {
		return c.dir
	}
	return filepath.Join(c.a.dir, c.dir)
}

// connect gives a connection, or an exit code after it has said why there is
// none.
func (c *ctl) connect() (conn *client.Conn, code int) {
	ctx, cancel := context.WithTimeout(context.Background(), c.quiet)
	defer cancel()
	conn, err := client.Dial(ctx, c.dir)
	if err != nil {
		c.a.fail("%s", c.why(err))
		return nil, run.ExitNotStarted
	}
	return conn, 0
}

// why says why no supervisor can be talked to, and what to do about it.
func (c *ctl) why(err error) string {
	switch {
	case errors.Is(err, client.ErrNotRunning):
		_, missing := os.Lstat(filepath.Join(c.dir, "control"))
		if errors.Is(missing, fs.ErrNotExist) {
			return fmt.Sprintf("no supervisor is running in %s: there is no socket called control; name another directory with -C DIR, or start one there with lanyard supervise", c.place())
		}
		return fmt.Sprintf("no supervisor is running in %s: nobody listens on its socket control, which a dead one left; start it again with lanyard supervise", c.place())
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no directory %s: name the supervisor's directory with -C DIR", c.place())
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("not permitted to talk to the supervisor in %s: do it as the user that runs it, or as root", c.place())
	}
	return err.Error()
}

// next waits for the next state, but not for ever: one comes every few seconds,
// if nothing else happens, but none while the container is being started for
// the first time.
func (c *ctl) next(conn *client.Conn) (s client.State, ok bool) {
	silent := time.AfterFunc(c.quiet, func() { conn.Close() })
	s, err := conn.Next()
	silent.Stop()
	switch {
	case errors.Is(err, net.ErrClosed):
		c.a.fail("no state for %v: the supervisor in %s is still starting its container, or is stopped itself; lanyard ctl watch waits for it", c.quiet, c.place())
	case err != nil:
		c.lost(err)
	}
	return s, err == nil
}

// lost tells why no more states come.
func (c *ctl) lost(err error) {
	if errors.Is(err, io.EOF) {
		c.a.fail("the supervisor in %s has closed the connection: it went away, or it has too many clients; lanyard ctl state tells", c.place())
		return
	}
	c.a.fail("%v", err)
}

// print shows a state: as JSON if that was asked for, else as text, which ends
// with a newline.
func (c *ctl) print(s client.State, text string) {
	if !c.json {
		fmt.Fprint(c.a.out, text)
		return
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic("internal error: a state can't be encoded: " + err.Error())
	}
	c.a.out.Write(append(data, '\n')) // Main reports what can't be written
}
