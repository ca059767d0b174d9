package plan

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// spare is how many values more than its bytes a file may come to through
// aliases and merges. A file without aliases never needs any.
const spare = 100_000

// maxMerging bounds how deep merges may nest, because a chain of them costs
// the square of its length.
const maxMerging = 100

// loader walks one file and collects what is wrong with it.
type loader struct {
	file     string
	plan     *Plan // what has been read so far; containers come first
	problems Problems
	left     int      // values that may still be visited
	bomb     *Problem // set once left is used up; nothing is visited after that
	merging  []*yaml.Node
	wanted   []reference
	aliases  []placed // of all commands, in the order of the file
}

// entry is one key of a mapping with its value, aliases resolved.
type entry struct {
	key     string
	keyNode *yaml.Node
	value   *yaml.Node
}

// at is where n stands. A node always comes from the file.
func (l *loader) at(n *yaml.Node) Pos {
	return Pos{File: l.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

// full says that no more mistakes are recorded.
func (l *loader) full() bool { return len(l.problems) >= maxProblems }

// problem records a mistake.
func (l *loader) problem(pos Pos, format string, args ...any) {
	if !l.full() {
		l.problems = append(l.problems, Problem{Pos: pos, Message: fmt.Sprintf(format, args...)})
	}
}

// unknown records a mistake about word and suggests one of known.
func (l *loader) unknown(pos Pos, word string, known []string, format string, args ...any) {
	if !l.full() {
		l.problem(pos, format, args...)
		l.problems[len(l.problems)-1].Suggestion = Nearest(word, known)
	}
}

// follow returns what an alias stands for, any other node itself.
func (l *loader) follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// visit counts one value. It is false when aliases have blown the file up.
func (l *loader) visit(n *yaml.Node) bool {
	l.left--
	if l.left >= 0 {
		return true
	}
	if l.bomb == nil {
		l.bomb = &Problem{Pos: l.at(n), Message: fmt.Sprintf("aliases and merges blow this file up to more than %d values; repeat less", spare)}
	}
	return false
}

// tag is the local tag of n, such as !Tmpfs; "" for none and for the standard
// tags of YAML, which change nothing because scalars keep their text.
func tag(n *yaml.Node) string {
	if n.Style&yaml.TaggedStyle == 0 || strings.HasPrefix(n.Tag, "!!") {
		return ""
	}
	return n.Tag
}

// untagged reports a tag where none has a meaning.
func (l *loader) untagged(n *yaml.Node) {
	switch t := tag(n); {
	case t == "":
	case strings.HasPrefix(t, "!*Include"):
		l.problem(l.at(n), "%s of vagga is not supported; put the text into this file", quote(t))
	default:
		l.problem(l.at(n), "the tag %s has no meaning here; remove it", quote(t))
	}
}

// isNull says whether n is empty, ~ or null without quotes.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode &&
		(n.Tag == "!!null" || n.Value == "" && n.Style&^yaml.TaggedStyle == 0)
}

// kind names n in a message.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return quote(n.Value)
}

// same leaves a name as it is.
func same(key string) string { return key }

// dashed makes one spelling of the two a keyword can have.
func dashed(key string) string { return strings.ReplaceAll(key, "_", "-") }

// mapping returns the entries of n in the order of the file; none for an empty
// value. what names n in messages, spelling makes keys comparable.
func (l *loader) mapping(n *yaml.Node, what string, spelling func(string) string) []entry {
	l.untagged(n)
	entries, _ := l.tagged(n, what, spelling)
	return entries
}

// tagged is mapping for a value whose tag the caller has looked at. ok is
// false when it is no mapping, which is reported.
func (l *loader) tagged(n *yaml.Node, what string, spelling func(string) string) (entries []entry, ok bool) {
	if isNull(n) {
		return nil, true
	}
	if n.Kind != yaml.MappingNode {
		l.problem(l.at(n), "%s: expected a mapping, got %s", what, kind(n))
		return nil, false
	}
	return l.entries(n, spelling), true
}

// entries flattens a mapping: its own keys win over merged ones wherever the
// merge stands, and earlier merged mappings win over later ones.
func (l *loader) entries(n *yaml.Node, spelling func(string) string) []entry {
	own := make(map[string]*yaml.Node, len(n.Content)/2)
	var merge *yaml.Node
	out := make([]entry, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content) && l.visit(n); i += 2 {
		key := l.follow(n.Content[i])
		switch {
		case key.Tag == "!!merge" && merge != nil:
			l.problem(l.at(n.Content[i]), "a second merge key; write one: <<: [*a, *b]")
		case key.Tag == "!!merge":
			merge = n.Content[i+1]
		case key.Kind != yaml.ScalarNode:
			l.problem(l.at(n.Content[i]), "expected a name before the colon, got %s", kind(key))
		default:
			l.untagged(key)
			name := spelling(key.Value)
			if first, ok := own[name]; ok {
				l.problem(l.at(n.Content[i]), "%s is here a second time; the first is on line %d, column %d", quote(name), first.Line, first.Column)
				continue
			}
			own[name] = n.Content[i]
			out = append(out, entry{name, n.Content[i], l.follow(n.Content[i+1])})
		}
	}
	if merge == nil {
		return out
	}
	return append(out, l.merged(n, merge, own, spelling)...)
}

// merged returns what the merge key of n adds to its own keys.
func (l *loader) merged(n, merge *yaml.Node, own map[string]*yaml.Node, spelling func(string) string) []entry {
	if len(l.merging) == maxMerging {
		l.problem(l.at(merge), "merges nest more than %d deep; merge less", maxMerging)
		return nil
	}
	l.merging = append(l.merging, n)
	defer func() { l.merging = l.merging[:len(l.merging)-1] }()
	sources := []*yaml.Node{merge}
	if list := l.follow(merge); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	var out []entry
	for _, source := range sources {
		target := l.follow(source)
		if !l.visit(source) {
			break
		}
		if target.Kind != yaml.MappingNode {
			l.problem(l.at(source), "<<: expected a mapping, or a list of mappings, to merge, got %s", kind(target))
			continue
		}
		if slices.Contains(l.merging, target) {
			l.problem(l.at(source), "this merge contains itself; remove it")
			continue
		}
		for _, e := range l.entries(target, spelling) {
			if _, ok := own[e.key]; !ok {
				own[e.key] = e.keyNode
				out = append(out, e)
			}
		}
	}
	return out
}

// list returns the items of a list, aliases resolved; none for an empty value.
func (l *loader) list(n *yaml.Node, what string) []*yaml.Node {
	l.untagged(n)
	return l.taggedList(n, what)
}

// taggedList is list for a value whose tag the caller has looked at.
func (l *loader) taggedList(n *yaml.Node, what string) []*yaml.Node {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		l.problem(l.at(n), "%s: expected a list, got %s", what, kind(n))
		return nil
	}
	items := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		if !l.visit(item) {
			break
		}
		items = append(items, l.follow(item))
	}
	return items
}
