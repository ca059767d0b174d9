package plan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Parse checks the contents of a project file. It does no I/O; path is only
// for positions, and Plan.File is path as given, so it should be absolute. The
// error is a Problems.
func Parse(path string, data []byte) (*Plan, error) {
	l := newLoader(path, data)
	root := l.document(data)
	l.plan.Root = filepath.Dir(path)
	if root != nil {
		l.top(root)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.plan, nil
}

func newLoader(path string, data []byte) *loader {
	return &loader{
		file: path,
		left: len(data) + spare,
		plan: &Plan{File: path, Containers: map[string]*Container{}},
	}
}

// err is what the walk has found, nil for a good file.
func (l *loader) err() error {
	if l.bomb != nil {
		return Problems{*l.bomb}
	}
	if len(l.problems) > 0 {
		return l.problems.sorted()
	}
	return nil
}

// top reads the whole file. Containers come first wherever they stand, because
// commands are checked against them.
func (l *loader) top(root *yaml.Node) {
	entries := l.mapping(root, "the file", dashed)
	entries = slices.DeleteFunc(entries, func(e entry) bool { return strings.HasPrefix(e.key, "x-") })
	f, words := l.fields(entries, "the file", topWords)
	l.plan.Unsupported = words
	if n := f.get("containers"); n != nil {
		l.plan.Containers = l.containers(n)
	}
	if n := f.get("commands"); n != nil {
		l.plan.Commands = l.commands(n)
	}
	l.uniqueNames()
	l.resolveReferences()
	l.bases()
}

// uniqueNames reports aliases that are names of something else.
func (l *loader) uniqueNames() {
	taken := map[string]Pos{}
	for _, c := range l.plan.Commands {
		taken[c.Name] = c.Pos
	}
	for _, alias := range l.aliases {
		if first, ok := taken[alias.text]; ok {
			l.problem(alias.pos, "alias %s is already a name, on line %d, column %d", quote(alias.text), first.Line, first.Column)
			continue
		}
		taken[alias.text] = alias.pos
	}
}

// A reference is a name that must be defined somewhere in the file, perhaps
// further down.
type reference struct {
	to   referent
	pos  Pos
	name string
}

type referent int

const (
	aContainer referent = iota
	aCommand            // one that is no group: init-command of a volume
)

func (l *loader) want(to referent, pos Pos, name string) {
	l.wanted = append(l.wanted, reference{to, pos, name})
}

// resolveReferences reports the names that are not defined.
func (l *loader) resolveReferences() {
	var containers, commands []string
	for name := range l.plan.Containers {
		containers = append(containers, name)
	}
	slices.Sort(containers)
	byName := map[string]*Command{}
	for _, c := range l.plan.Commands {
		commands = append(commands, c.Name)
		byName[c.Name] = c
	}
	for _, r := range l.wanted {
		if r.to == aContainer {
			// With mixins it may be in another file, see UnsupportedFor.
			if _, ok := l.plan.Containers[r.name]; !ok && len(l.plan.Unsupported) == 0 {
				l.unknown(r.pos, r.name, containers, "unknown container %s", quote(r.name))
			}
			continue
		}
		switch c, ok := byName[r.name]; {
		case !ok:
			l.unknown(r.pos, r.name, commands, "init-command: unknown command %s", quote(r.name))
		case c.Supervise:
			l.problem(r.pos, "init-command: %s is a !Supervise; only a !Command can fill a volume", quote(r.name))
		}
	}
}

// document returns the root of the only YAML document in data, nil when there
// is none or it cannot be read, which is reported.
func (l *loader) document(data []byte) *yaml.Node {
	if !l.readable(data) {
		return nil
	}
	decoder, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		l.problem(Pos{l.file, 1, 1}, "internal error: the YAML reader does not start: %v", err)
		return nil
	}
	var first, second yaml.Node
	if err := decoder.Load(&first); err != nil {
		if err != io.EOF {
			l.syntax(err, data)
		}
		return nil
	}
	switch err := decoder.Load(&second); {
	case err == nil:
		l.problem(l.at(&second), "a second YAML document begins here; put everything into one")
	case err != io.EOF:
		l.syntax(err, data)
	}
	if len(first.Content) == 0 {
		return nil
	}
	return l.follow(first.Content[0])
}

// readable reports text that is no YAML at all, with the position which the
// YAML library does not tell for this.
func (l *loader) readable(data []byte) bool {
	pos := Pos{l.file, 1, 1}
	if len(data) > maxFile {
		l.problem(pos, "the file is larger than %d bytes; is it the right one?", maxFile)
		return false
	}
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			l.problem(pos, "the byte %#02x is not UTF-8; save the file as UTF-8", text[0])
			return false
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == '\ufffe', r == '\uffff':
			l.problem(pos, "the control character %U cannot stand in YAML; remove it", r)
			return false
		case r == '\u0085', r == '\u2028', r == '\u2029':
			// To YAML 1.1, and the library, they end a line; to YAML 1.2 and editors they don't.
			l.problem(pos, "the invisible character %U ends a line for some readers of YAML and for others not; remove it, or write it as \"\\u%04x\"", r, r)
			return false
		case r == '\n', r == '\r' && (len(text) == 1 || text[1] != '\n'):
			pos.Line, pos.Column = pos.Line+1, 1
		default:
			pos.Column++
		}
		text = text[size:]
	}
	return true
}

// syntax reports an error of the YAML library.
func (l *loader) syntax(err error, data []byte) {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		l.problem(Pos{l.file, 1, 1}, "YAML: %v", err)
		return
	}
	pos := Pos{l.file, max(load.Mark.Line, 1), max(load.Mark.Column, 1)}
	message := load.Message
	if i := load.Mark.Index; strings.Contains(message, "cannot start any token") && i < len(data) && data[i] == '\t' {
		message = "a tab cannot indent; use spaces"
	}
	context := ""
	if start := load.ContextMark; load.ContextMsg != "" && cmp.Or(start.Line-pos.Line, start.Column-pos.Column) != 0 && start.Line > 0 {
		context = fmt.Sprintf(" (%s that begins on line %d, column %d)", load.ContextMsg, start.Line, start.Column)
	}
	l.problem(pos, "YAML: %s%s", message, context)
}
