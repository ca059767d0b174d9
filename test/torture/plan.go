package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// plan is what happens in a round. It comes of the seed, and of what this user
// and machine can do, alone.
type plan struct {
	seed    uint64
	service bool     // `lanyard supervise`, else a group or a command of a project
	file    string   // lanyard.yaml or agent.json; ROOT and MARK stand for what they say
	words   []string // of lanyard; serviceID stands for that
	doing   []string // what the children do
	output  output   // what stdout is
	clients []wish   // of a service
	attack  attack
}

// output is what a lanyard's stdout is.
type output string

// The outputs.
const (
	toNull   output = "null"
	toUnread output = "a pipe that nobody reads"
	toClosed output = "a pipe that nobody has open any more"
)

// wish is what a client of a service does: it connects, asks for something after
// a while, and reads until the end.
type wish struct {
	after time.Duration
	ask   string // "", stop, kill or exit
}

const serviceID = "ID OF THE SERVICE"

// newPlan makes the plan of a seed.
func newPlan(seed uint64, w *workshop) *plan {
	rnd := rand.New(rand.NewPCG(seed, 11))
	p := &plan{seed: seed, output: []output{toNull, toNull, toUnread, toClosed}[rnd.IntN(4)]}
	switch n := rnd.IntN(80); {
	case n < 20:
		p.serve(rnd, w)
	case n < 21:
		p.fifty(rnd)
		return p
	default:
		p.group(rnd, w)
	}
	p.attack = newAttack(rnd, w, p.service)
	return p
}

// fifty is what docs/performance.md has a budget for: a group of 50 whose
// supervisor is killed once all are up.
func (p *plan) fifty(rnd *rand.Rand) {
	p.file = boxes + "commands:\n  next: !Command {container: box, run: [\"true\"]}\n  app: !Supervise\n    children:\n"
	for i := range 50 {
		p.file += fmt.Sprintf("      c%d: !Command {container: box, run: [sleep, \"1000\"]}\n", i)
		p.doing = append(p.doing, "plain")
	}
	p.words = []string{"app"}
	p.attack = attack{name: "supervisor KILL, 50 children", blows: []blow{{supervisor, byKill}}, up: true, after: random(rnd, 50*time.Millisecond)}
}

// group makes a project file with one command, app.
func (p *plan) group(rnd *rand.Rand, w *workshop) {
	var b strings.Builder
	b.WriteString(boxes + "commands:\n  next: !Command {container: box, run: [\"true\"]}\n  app: ")
	p.words = []string{"app"}
	if rnd.IntN(8) == 0 { // a command alone
		one := pick(rnd, w.limits)
		p.doing = []string{"only " + one.name}
		b.WriteString(one.command("  "))
		p.file = b.String()
		return
	}
	mode := []string{"stop-on-failure", "wait-all-successful"}[rnd.IntN(2)]
	fmt.Fprintf(&b, "!Supervise\n    mode: %s\n    kill-unresponsive-after: 0.%d\n    children:\n", mode, rnd.IntN(4))
	for i := range 1 + rnd.IntN(5) {
		one := pick(rnd, w.limits)
		p.doing = append(p.doing, one.name)
		fmt.Fprintf(&b, "      c%d: %s", i, one.command("      "))
	}
	p.file = b.String()
}

// serve makes an agent.json, a command and clients.
func (p *plan) serve(rnd *rand.Rand, w *workshop) {
	one := pick(rnd, w.limits)
	for one.box != "" { // what it does is about the box
		one = pick(rnd, w.limits)
	}
	p.service, p.doing = true, []string{one.name}
	agent := map[string]any{
		"restart": []string{"no", "on-failure", "always"}[rnd.IntN(3)],
		"env":     map[string]string{"PATH": "/bin", markName: "MARK"},
	}
	if one.limits != "" {
		agent["resources"] = map[string]int{"mem": 32}
	}
	if rnd.IntN(2) == 0 {
		agent["storage"] = map[string]any{"tmp": map[string]int{"/tmp": 4}}
	}
	if strings.Contains(one.name, "bomb") { // no limit of processes there
		one.script, p.doing = "exec sleep 1000", []string{"plain"}
	}
	text, _ := json.Marshal(agent)
	p.file = string(text)
	p.words = []string{"supervise", "--hostname", "box", "--ID", serviceID, "--", "/bin/sh", "-c", one.script}
	for range rnd.IntN(4) {
		p.clients = append(p.clients, wish{
			after: time.Duration(rnd.IntN(200)) * time.Millisecond,
			ask:   []string{"", "", "", "stop", "kill", "exit"}[rnd.IntN(6)],
		})
	}
}

// String tells what is going to happen.
func (p *plan) String() string {
	kind := "group"
	if p.service {
		kind = fmt.Sprintf("service with %d clients", len(p.clients))
	}
	doing := strings.Join(p.doing, ", ")
	if len(p.doing) == 50 {
		doing = "50"
	}
	return fmt.Sprintf("%s of %s; stdout is %s; %s", kind, doing, p.output, p.attack)
}
