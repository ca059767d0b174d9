package progress

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// screen is a terminal as far as it is needed: it keeps lines, moves up, and
// erases. It also counts writes.
type screen struct {
	mu     sync.Mutex
	lines  []string
	row    int
	writes int
}

var ansi = regexp.MustCompile(`^\x1b\[(\d*)([AKJ])`)

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	col := 0
	line := func() *string {
		for len(s.lines) <= s.row {
			s.lines = append(s.lines, "")
		}
		return &s.lines[s.row]
	}
	for text := string(p); text != ""; {
		if m := ansi.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			switch m[2] {
			case "A":
				n := 0
				fmt.Sscan(m[1], &n)
				s.row -= n
			case "K":
				*line() = string([]rune(*line())[:col])
			case "J":
				line()
				s.lines = s.lines[:s.row]
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if r == '\n' {
			line()
			s.row, col = s.row+1, 0
			continue
		}
		if r == '\r' {
			col = 0
			continue
		}
		runes := []rune(*line())
		if col < len(runes) {
			runes[col] = r
		} else {
			runes = append(runes, r)
		}
		*line() = string(runes)
		col++
	}
	return len(p), nil
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func (s *screen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}
