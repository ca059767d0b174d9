package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrNoProject is wrapped by Find's error when neither the folder nor one of
// its parents has a project file.
var ErrNoProject = errors.New("no project file")

// maxProblems bounds what a hopeless file can make us collect and print.
const maxProblems = 200

// Problem is one mistake in a file.
type Problem struct {
	Pos        Pos    // always inside the file
	Message    string // one line, without the position
	Suggestion string // the nearest known word; "" when none is near
}

// String is FILE:LINE:COL: message (did you mean "x"?).
func (p Problem) String() string {
	s := p.Pos.String() + ": " + p.Message
	if p.Suggestion != "" {
		s += fmt.Sprintf(" (did you mean %q?)", p.Suggestion)
	}
	return s
}

// Problems are all mistakes of one file, sorted by position; never empty when
// returned as an error.
type Problems []Problem

// Error is one line for each problem, without a newline at the end.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// String is FILE:LINE:COL, the form that editors and terminals make a link of.
func (p Pos) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// compare orders places of one file.
func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// String says that the word is not supported, where, and what to write
// instead: FILE:LINE:COL: "setup" is not supported in this version; HINT.
func (w Word) String() string {
	s := fmt.Sprintf("%s: %q is not supported in this version", w.Pos, w.Name)
	if w.Hint != "" {
		s += "; " + w.Hint
	}
	return s
}

// sorted returns ps by position without repetitions: a mistake behind an
// anchor is met once for each of its aliases.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Pos.compare(b.Pos), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps)
}

// quote is text as it stands in a message: on one line and not too long.
func quote(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
