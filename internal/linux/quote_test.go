package linux

import "testing"

func TestShellQuote(t *testing.T) {
	for word, want := range map[string]string{
		"":           "''",
		"a-b/c:1,2":  "a-b/c:1,2",
		"a b":        "'a b'",
		"it's":       `'it'\''s'`,
		"$HOME":      "'$HOME'",
		"a\nb\t'\\":  `$'a\nb\t\'\\'`,
		"\x1b[31m":   `$'\x1b[31m'`,
		"größe":      "'größe'",
		"echo \"x\"": `'echo "x"'`,
	} {
		if got := ShellQuote(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}
