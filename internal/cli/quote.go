package cli

import "strings"

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
