package linux

// ShellQuote is word as it would be typed into a shell, on one line and without
// control characters, which take bash(1)'s $'…'.
func ShellQuote(word string) string {
	plain, control := word != "", false
	for _, c := range []byte(word) {
		control = control || isControl(c)
		plain = plain && isPlain(c)
	}
	switch {
	case plain:
		return word
	case control:
		return "$'" + escaped(word) + "'"
	}
	quoted := "'"
	for _, c := range []byte(word) {
		if c == '\'' {
			quoted += `'\'`
		}
		quoted += string([]byte{c})
	}
	return quoted + "'"
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

// isPlain says that no shell gives c a meaning, wherever it stands.
func isPlain(c byte) bool {
	switch c {
	case '_', '-', '.', '/', ':', '=', ',', '+', '@', '%':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func escaped(word string) string {
	const hex = "0123456789abcdef"
	out := ""
	for _, c := range []byte(word) {
		switch {
		case c == '\n':
			out += `\n`
		case c == '\t':
			out += `\t`
		case isControl(c):
			out += string([]byte{'\\', 'x', hex[c>>4], hex[c&15]})
		case c == '\'' || c == '\\':
			out += string([]byte{'\\', c})
		default:
			out += string([]byte{c})
		}
	}
	return out
}
