package systemd

import (
	"fmt"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// Follow has the manager told what becomes of the run that cfg describes and
// that starts next:
//   - STATUS= at each change of it: how many children run, and what is wrong;
//   - READY=1 once the start is over (group.State.Ready);
//   - STOPPING=1 when the group begins to end;
//   - WATCHDOG=1 twice in the time that the manager wants to hear it in, each
//     after the loop has been passed through: one that hangs is silent.
//
// The function that it gives is called when the run is over: it returns once
// the last of that is sent, or after a second. A manager that can't be told, or
// does not read for a second, is named with say, once, and hinders nothing.
func (m Manager) Follow(cfg *supervisor.Config, say func(string)) (told func()) {
	if m.socket == "" {
		return func() {}
	}
	states, probe := supervisor.NewMailbox(1), make(chan struct{})
	cfg.Snapshots = append(cfg.Snapshots, states)
	if m.ping > 0 {
		cfg.Probe = probe
	}
	s := &sender{manager: m, say: say}
	done := make(chan struct{})
	go func() {
		defer close(done)
		follow(states.C(), probe, m.ping, s.send)
	}()
	return func() {
		s.hurry()
		<-done
	}
}

// follow ends when the states do.
func follow(states <-chan supervisor.Publication, probe chan<- struct{}, ping time.Duration, send func(string)) {
	var due <-chan time.Time
	if ping > 0 {
		ticker := time.NewTicker(ping)
		defer ticker.Stop()
		due = ticker.C
	}
	var asking chan<- struct{} // probe, from a tick until the loop has taken it
	var t teller
	for {
		select {
		case p, ok := <-states:
			if !ok {
				return
			}
			for _, text := range t.news(&p) {
				send(text)
			}
		case <-due:
			asking = probe
		case asking <- struct{}{}:
			asking = nil
			send("WATCHDOG=1")
		}
	}
}

// teller knows what the manager has been told.
type teller struct {
	status          string
	ready, stopping bool
}

// news are the messages that a state makes necessary. Each goes out alone: of
// READY and STOPPING in one message systemd takes the last.
func (t *teller) news(p *supervisor.Publication) []string {
	var list []string
	if text := status(p); text != t.status {
		t.status = text
		list = append(list, "STATUS="+text)
	}
	if p.Ready && !t.ready {
		t.ready = true
		list = append(list, "READY=1")
	}
	if p.Ending && !t.stopping {
		t.stopping = true
		list = append(list, "STOPPING=1")
	}
	return list
}

// status is a state in one short line, such as "2 of 3 running, starting".
func status(p *supervisor.Publication) string {
	up, rest := 0, ""
	for i := range p.Children {
		c := &p.Children[i]
		switch {
		case c.Up:
			up++
		case c.Error != "":
			rest += fmt.Sprintf("; %s: %s", c.Name, firstLine(c.Error))
		case c.Restarting:
			rest += "; " + c.Name + " is started again"
		}
	}
	text := fmt.Sprintf("%d of %d running", up, len(p.Children))
	switch {
	case p.Ending:
		text += ", stopping"
	case !p.Ready:
		text += ", starting"
	}
	return plain(text + rest)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// longest bounds a status, in bytes: it is for one line of systemctl status.
const longest = 300

// plain makes a line of one message out of what may hold anything: a newline in
// it would begin another assignment (sd_notify(3)), and what isn't UTF-8 is
// thrown away.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
