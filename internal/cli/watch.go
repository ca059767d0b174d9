package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// The wait for a supervisor that is away doubles from one to the other.
const (
	shortestWait = 50 * time.Millisecond
	longestWait  = time.Second
)

// news is what a watch learns: a state, or why there is none at the moment.
type news struct {
	at    time.Time
	state client.State
	err   error // io.EOF or client.ErrNotRunning: it may come back; any other is the end
}

func (n news) final() bool {
	return n.err != nil && !errors.Is(n.err, io.EOF) && !errors.Is(n.err, client.ErrNotRunning)
}

// viewer shows news.
type viewer interface {
	show(news)
	tick(now time.Time) // some time has passed without any
	fresh()             // somebody else has written on the terminal
	end()
}

// watch shows states until a signal, or until there is nothing to wait for.
func (c *ctl) watch() int {
	var v viewer = &lines{c: c}
	var signals chan os.Signal
	if c.a.width > 0 && !c.json && c.a.getenv("TERM") != "dumb" {
		v = newScreen(c)
		signals = watchSignals()
		defer signal.Stop(signals)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	coming := make(chan news)
	go c.follow(ctx, coming)
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for {
		select {
		case n := <-coming:
			if n.final() {
				v.end()
				c.a.fail("%s", c.why(n.err))
				return run.ExitNotStarted
			}
			v.show(n)
		case now := <-clock.C:
			v.tick(now)
		case sig := <-signals:
			if sig == syscall.SIGWINCH || sig == syscall.SIGCONT {
				if sig == syscall.SIGCONT {
					v.fresh()
				}
				v.tick(time.Now())
				continue
			}
			v.end()
			return 128 + int(sig.(syscall.Signal))
		}
		if c.a.out.Flush() != nil { // Main says why, if there is something to say
			return 0
		}
	}
}

// watchSignals subscribes to what a view on a terminal has to know. Signals
// that were ignored when lanyard was started stay ignored.
func watchSignals() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGCONT)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	return signals
}

// follow sends news until ctx ends or news are final: it connects again,
// however often, when the supervisor is away.
func (c *ctl) follow(ctx context.Context, to chan<- news) {
	tell := func(n news) bool {
		n.at = time.Now()
		select {
		case to <- n:
			return !n.final()
		case <-ctx.Done():
			return false
		}
	}
	for wait := shortestWait; ; wait = min(2*wait, longestWait) {
		err := c.stream(ctx, func(s client.State) bool {
			wait = shortestWait
			return tell(news{state: s})
		})
		if ctx.Err() != nil || !tell(news{err: err}) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// stream gives the states of one connection to each until it says false, and
// returns why there are no more.
func (c *ctl) stream(ctx context.Context, each func(client.State) bool) error {
	conn, err := client.Dial(ctx, c.dir)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		s, err := conn.Next()
		if err != nil {
			return err
		}
		if !each(s) {
			return ctx.Err()
		}
	}
}

// lines shows a line for each change, or with --json each state.
type lines struct {
	c    *ctl
	last client.State // that was shown, without its figures
	any  bool         // last is one
	away bool         // and that it is away has been said
}

func (l *lines) tick(time.Time) {}
func (l *lines) fresh()         {}
func (l *lines) end()           {}

func (l *lines) show(n news) {
	stamp := n.at.UTC().Format("2006-01-02T15:04:05.000Z")
	if n.err != nil {
		switch {
		case l.away:
		case l.c.json:
			l.c.a.fail("%s", l.c.absence(n.err))
		default:
			fmt.Fprintln(l.c.a.out, stamp, l.c.absence(n.err))
		}
		l.away = true
		return
	}
	change := changed(l.any && !l.away, l.last, n.state)
	l.any, l.away, l.last = true, false, n.state
	if change || l.c.json {
		l.c.print(n.state, stamp+" "+sentence(n.state)+"\n")
	}
}

// changed says whether a state differs from the last one in more than figures.
func changed(known bool, last, s client.State) bool {
	last.Metrics, s.Metrics = client.Metrics{}, client.Metrics{}
	return !known || last != s
}

// absence says that there is no supervisor at the moment.
func (c *ctl) absence(err error) string {
	if errors.Is(err, io.EOF) {
		return fmt.Sprintf("the supervisor in %s has ended; waiting for the next", c.place())
	}
	return fmt.Sprintf("no supervisor is running in %s; waiting for one", c.place())
}
