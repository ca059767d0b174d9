package agent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fileName is the file's name in the supervisor's directory.
const fileName = "agent.json"

// maxProblems bounds what a hopeless file can make us print.
const maxProblems = 20

// Problem is one mistake in agent.json.
type Problem struct {
	Line, Column int    // from 1; a column is one character
	Message      string // one line: which key, what is wrong, what to write instead
}

// String is agent.json:LINE:COLUMN: MESSAGE.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", fileName, p.Line, p.Column, p.Message)
}

// Problems are the mistakes of one agent.json by position; never empty when
// returned as an error.
type Problems []Problem

// Error is one line for each problem, of which it shows 20 at most.
func (ps Problems) Error() string {
	var lines []string
	for _, p := range ps[:min(len(ps), maxProblems)] {
		lines = append(lines, p.String())
	}
	if more := len(ps) - maxProblems; more > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", fileName, more))
	}
	return strings.Join(lines, "\n")
}

// mistake is a problem before its offset has become a line and a column.
type mistake struct {
	at      int // bytes from the start of the file
	message string
}

// located sorts mistakes and gives each its place in data, in one pass.
func located(data []byte, list []mistake) Problems {
	slices.SortStableFunc(list, func(a, b mistake) int { return a.at - b.at })
	out := make(Problems, 0, len(list))
	line, column, at := 1, 1, 0
	for _, m := range list {
		for at < m.at && at < len(data) {
			_, size := utf8.DecodeRune(data[at:])
			column++
			if data[at] == '\n' {
				line, column = line+1, 1
			}
			at += size
		}
		out = append(out, Problem{Line: line, Column: column, Message: m.message})
	}
	return out
}

// quote is text as it stands in a message: on one line and not too long.
func quote(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return strconv.Quote(text)
}
