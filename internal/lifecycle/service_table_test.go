package lifecycle_test

import (
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
)

const serviceHead = `
## A supervised container

lanyard supervise: stop, kill and exit are what clients ask for. It stays when
the container is down, until exit or a signal; the result is 0. "told" has had a
stop (or TERM, INT or HUP), which nothing escalates but kill, or a second TERM
or INT.

`

func playService(policy lifecycle.Policy, events ...group.Event) group.State {
	s := group.New(group.Config{Names: []string{"web"}, Service: true, Restart: policy, Delay: time.Second})
	for _, ev := range events {
		s, _ = s.Step(ev, now)
	}
	return s
}

func serviceScenes(policy lifecycle.Policy) []scene {
	start, up := group.Event{Kind: group.OnStart}, group.Event{Kind: group.OnStarted}
	exit := group.Event{Kind: group.OnExited, Status: lifecycle.Status{Exited: true, Code: 3}}
	gone, stop, kill := group.Event{Kind: group.OnGone}, group.Event{Kind: group.OnStop}, group.Event{Kind: group.OnKill}
	return []scene{
		{"new", playService(policy)},
		{"starting", playService(policy, start)},
		{"up", playService(policy, start, up)},
		{"told", playService(policy, start, up, stop)},
		{"killed", playService(policy, start, up, kill)},
		{"waiting for its restart", playService(lifecycle.Always, start, up, exit, gone)},
		{"down", playService(lifecycle.Never, start, up, exit, gone)},
	}
}

func serviceTable() string {
	sig := func(s syscall.Signal) group.Event { return group.Event{Kind: group.OnSignal, Sig: s} }
	events := []struct {
		name string
		ev   group.Event
	}{
		{"start", group.Event{Kind: group.OnStart}},
		{"stop", group.Event{Kind: group.OnStop}},
		{"kill", group.Event{Kind: group.OnKill}},
		{"exit", group.Event{Kind: group.OnExit}},
		{"TERM, INT, QUIT", sig(syscall.SIGTERM)},
		{"HUP", sig(syscall.SIGHUP)},
		{"USR1, USR2", sig(syscall.SIGUSR1)},
		{"the delay is over", group.Event{Kind: group.OnTick}},
	}
	rows := [][]string{{"event"}}
	for _, s := range serviceScenes(lifecycle.Always) {
		rows[0] = append(rows[0], s.name)
	}
	for _, e := range events {
		row := []string{"**" + e.name + "**"}
		for _, s := range serviceScenes(lifecycle.Always) {
			cell := groupCell(s.state, e.ev)
			if e.ev.Kind == group.OnTick && s.name == "killed" {
				cell = "." // what it does is to name a container that is overdue
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(rows)
}
