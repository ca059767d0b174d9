package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// behaviour is what one child does.
type behaviour struct {
	name   string
	weight int
	// script is for busybox's shell. N stands for a random number of 0 to 9.
	script string
	box    string // the container, "" for box
	limits string // where there are limits; without them the child is left out, if it must have them
	must   bool
}

// behaviours are what children do to stay, and how they go. None of them makes
// more than some 30 processes, with limits or without.
var behaviours = []behaviour{
	{name: "plain", weight: 4, script: "exec sleep 1000"},
	{name: "limited", weight: 3, script: "sleep 1000", limits: "{pids: 30, memory: 64MiB}", must: true},
	{name: "daemon", weight: 4, script: "trap '' TERM HUP\n(busybox setsid sh -c 'sleep 1000 & exec sleep 1000' &)\nsleep 1000"},
	{name: "deaf", weight: 4, script: "trap '' TERM HUP INT QUIT\nwhile :; do sleep 1000; done"},
	{name: "bomb", weight: 2, script: "b() { b & b & sleep 1000; }\nb 2>/dev/null &\nexec sleep 1000", limits: "{pids: 30}", must: true},
	{name: "crowd", weight: 2, script: "for i in $(seq 25); do (trap '' TERM; sleep 1000) & done\nexec sleep 1000"},
	{name: "filler", weight: 2, script: "cat /dev/zero >/fill/x 2>/dev/null\nexec sleep 1000", box: "full"},
	{name: "holder", weight: 2, script: "(trap '' TERM HUP; busybox setsid sleep 1000 &)\nsleep 0.N\nexit N"},
	{name: "closer", weight: 2, script: "exec 0<&- 1>&- 2>&-\nsleep 1000"},
	{name: "stopped", weight: 3, script: "sleep 1000 &\nkill -STOP $!\nkill -STOP $$\nexec sleep 1000"},
	{name: "loud", weight: 2, script: "yes 0123456789 | head -c 2000000\nexec sleep 1000"},
	{name: "orphans", weight: 2, script: "for i in $(seq 20); do (sleep 0.0$((i % 7)) &); done\nexec sleep 1000"},
	{name: "writer", weight: 2, script: "echo x >/etc/x\nrm /etc/passwd\nexec sleep 1000", box: "wet"},
	{name: "keeper", weight: 2, script: "echo x >/kept/x\nexec sleep 1000", box: "kept"},
	{name: "quick", weight: 1, script: "sleep 0.0N\nexit N"},
	{name: "crasher", weight: 1, script: "sleep 0.N\nkill -SEGV $$"},
	{name: "glutton", weight: 1, script: "sleep 0.N\ndd if=/dev/zero of=/dev/null bs=60M count=1\nexec sleep 1000", limits: "{memory: 16MiB, swap: 0}", must: true},
}

// boxes are the containers of a project. ROOT stands for the root.
const boxes = `containers:
  box: {rootfs: ROOT}
  wet: {rootfs: ROOT, write-mode: transient}
  full: {rootfs: ROOT, volumes: {/fill: !Tmpfs {size: 4MiB}}}
  kept: {rootfs: ROOT, volumes: {/kept: !Persistent kept}}
`

// pick chooses a behaviour that this user can have.
func pick(rnd *rand.Rand, limits bool) behaviour {
	all := 0
	for _, b := range behaviours {
		if limits || !b.must {
			all += b.weight
		}
	}
	n := rnd.IntN(all)
	for _, b := range behaviours {
		if !limits && b.must {
			continue
		}
		if n -= b.weight; n < 0 {
			b.script = strings.ReplaceAll(b.script, "N", fmt.Sprint(rnd.IntN(10)))
			return b
		}
	}
	panic("no behaviour was chosen")
}

// command is the behaviour as a command of a project file, its lines indented.
func (b *behaviour) command(indent string) string {
	box := b.box
	if box == "" {
		box = "box"
	}
	text := fmt.Sprintf("!Command\n%s  container: %s\n", indent, box)
	if b.limits != "" {
		text += fmt.Sprintf("%s  limits: %s\n", indent, b.limits)
	}
	text += indent + "  run: |\n"
	for _, line := range strings.Split(b.script, "\n") {
		text += indent + "    " + line + "\n"
	}
	return text
}
