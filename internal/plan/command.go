package plan

import (
	"time"

	"go.yaml.in/yaml/v4"
)

const defaultKillAfter = 2 * time.Second

// The tags of commands and children.
const (
	tagCommand   = "!Command"
	tagSupervise = "!Supervise"
	tagCapsule   = "!CapsuleCommand"
	tagBridge    = "!BridgeCommand"
)

// reserved are lanyard's own verbs that never look for a project file, so a
// command of such a name could never be started.
var reserved = []string{"supervise", "ctl", "help", "completion"}

// commands reads the commands section.
func (l *loader) commands(n *yaml.Node) []*Command {
	var out []*Command
	for _, e := range l.mapping(n, "commands", same) {
		pos := l.at(e.keyNode)
		if l.validName(pos, e.key, "command") {
			l.notReserved(pos, e.key, "command")
		}
		out = append(out, l.command(e))
	}
	return out
}

func (l *loader) notReserved(pos Pos, name, what string) {
	for _, verb := range reserved {
		if name == verb {
			l.problem(pos, "%s %s has the name of one of lanyard's own verbs; take another", what, quote(name))
		}
	}
}

func (l *loader) command(e entry) *Command {
	c := &Command{Pos: l.at(e.keyNode), Name: e.key}
	what := "command " + quote(e.key)
	entries, ok := l.tagged(e.value, what, dashed)
	if !ok {
		return c
	}
	t := tag(e.value)
	var f fields
	switch {
	case t == tagSupervise, t == "" && fields(entries).get("children") != nil:
		c.Supervise = true
		f, c.Unsupported = l.fields(entries, what, superviseWords, commandWords)
		l.supervise(c, f)
	case t == tagCapsule:
		f, c.Unsupported = l.fields(entries, what, capsuleWords, commandWords)
		word := Word{l.at(e.value), tagCapsule, "write !Command with a container"}
		c.Unsupported = append(c.Unsupported, word)
		c.Children = []*Process{l.process(e, f, what, false)}
	default:
		if t != "" && t != tagCommand {
			l.unknown(l.at(e.value), t, []string{tagCommand, tagSupervise, tagCapsule}, "unknown kind of command %s", quote(t))
		}
		f, c.Unsupported = l.fields(entries, what, commandWords)
		c.Children = []*Process{l.contained(e, f, what)}
	}
	l.common(c, f)
	return c
}

// common reads the keys that both kinds of commands have.
func (l *loader) common(c *Command, f fields) {
	c.Description = l.optionalText(f, "description")
	c.Banner = l.optionalText(f, "banner")
	c.Epilog = l.optionalText(f, "epilog")
	c.Group = l.optionalText(f, "group")
	if n := f.get("banner-delay"); n != nil {
		c.BannerDelay, _ = l.seconds(n, "banner-delay")
	}
	if n := f.get("aliases"); n != nil {
		for _, alias := range l.namesOf(n, "aliases") {
			l.notReserved(alias.pos, alias.text, "alias")
			c.Aliases = append(c.Aliases, alias.text)
			l.aliases = append(l.aliases, alias)
		}
	}
}

func (l *loader) supervise(c *Command, f fields) {
	c.Mode, c.KillAfter = StopOnFailure, defaultKillAfter
	if n := f.get("mode"); n != nil {
		l.failureRule(c, n)
	}
	if n := f.get("kill-unresponsive-after"); n != nil {
		if after, ok := l.seconds(n, "kill-unresponsive-after"); ok {
			c.KillAfter = after
		}
	}
	n := f.get("children")
	if n == nil {
		l.problem(c.Pos, "command %s has no children; write children with a !Command for each process", quote(c.Name))
		return
	}
	before := len(l.problems)
	entries := l.mapping(n, "children", same)
	if len(entries) == 0 && len(l.problems) == before {
		l.problem(l.at(n), "children of command %s is empty; write a !Command for each process", quote(c.Name))
	}
	for _, child := range entries {
		l.validName(l.at(child.keyNode), child.key, "child")
		c.Children = append(c.Children, l.child(child))
	}
}

// failureRule reads the failure rule; the rules of vagga's first versions are known.
func (l *loader) failureRule(c *Command, n *yaml.Node) {
	switch text := dashed(n.Value); {
	case n.Kind == yaml.ScalarNode && (text == "restart" || text == "wait-all"):
		c.Unsupported = append(c.Unsupported, Word{l.at(n), "mode: " + n.Value, "write stop-on-failure or wait-all-successful"})
	default:
		if mode, ok := l.choice(n, "mode", string(StopOnFailure), string(WaitAllSuccessful)); ok {
			c.Mode = Mode(mode)
		}
	}
}

// child reads one process of a group.
func (l *loader) child(e entry) *Process {
	what := "child " + quote(e.key)
	entries, ok := l.tagged(e.value, what, dashed)
	if !ok {
		return &Process{}
	}
	var bridge []Word
	switch t := tag(e.value); t {
	case "", tagCommand:
	case tagBridge:
		bridge = []Word{{l.at(e.value), tagBridge, "the host's network is used; write !Command"}}
	case tagSupervise:
		l.problem(l.at(e.value), "%s: groups don't nest; a child is a !Command", what)
	default:
		l.unknown(l.at(e.value), t, []string{tagCommand, tagBridge}, "unknown kind of child %s", quote(t))
	}
	f, words := l.fields(entries, what, childWords, commandWords)
	process := l.contained(e, f, what)
	process.Description = l.optionalText(f, "description")
	process.Unsupported = append(append(words, bridge...), process.Unsupported...)
	return process
}
