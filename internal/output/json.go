package output

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendJSONLine appends the end of a line's object: the rest of the key that
// the lead began with `"line`, the text, and the closing brace. Text that is
// not valid UTF-8 becomes base64 under "line_base64", so no byte is lost.
func appendJSONLine(dst, text []byte) []byte {
	plain := plainPrefix(text)
	if plain < len(text) && !utf8.Valid(text[plain:]) {
		dst = append(dst, `_base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, text)
		return append(dst, `"}`...)
	}
	dst = append(dst, `":"`...)
	dst = append(dst, text[:plain]...)
	dst = appendJSONText(dst, text[plain:])
	return append(dst, `"}`...)
}

// appendJSONText appends valid UTF-8 as the inside of a JSON string (RFC 8259,
// section 7: quote, backslash and everything below U+0020 are escaped).
func appendJSONText(dst, text []byte) []byte {
	start := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, text[start:]...)
}

// validText is s with each invalid byte replaced, for names.
func validText(s string) []byte { return []byte(strings.ToValidUTF8(s, "\uFFFD")) }

// plainPrefix is the length of the beginning of text, in whole words of eight
// bytes, that is ASCII and needs no escaping. A word is checked at once: in
// each expression the top bit of a byte tells about this byte (borrows between
// bytes can only report one too many, which costs time and no correctness).
func plainPrefix(text []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		quote := w ^ ones*'"'
		slash := w ^ ones*'\\'
		bad := w | (w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash
		if bad&tops != 0 {
			break
		}
	}
	return i
}
