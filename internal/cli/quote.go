package cli

import (
	"fmt"
	"strings"
)

// shellQuote is word as it would be typed into a shell, on one line and
// without control characters.
func shellQuote(word string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%"
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case word != "" && strings.Trim(word, safe) == "":
		return word
	case !strings.ContainsFunc(word, control):
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, r := range word {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case control(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "'"
}

// shellWords splits the part of a command line before the cursor as bash
// would, without expanding anything. The last word is the one under the
// cursor, "" after a space.
func shellWords(line string) []string {
	words := []string{}
	var word strings.Builder
	inside, quote, escaped := false, rune(0), false
	end := func() {
		words = append(words, word.String())
		word.Reset()
		inside = false
	}
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			inside, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			inside, quote = true, r
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inside {
				end()
			}
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	end()
	return words
}
