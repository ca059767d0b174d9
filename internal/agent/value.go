package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// reader collects the mistakes of one file.
type reader struct {
	data     []byte
	mistakes []mistake
}

// value is a piece of the file that is known to be well-formed JSON.
type value struct {
	at  int    // bytes from the start of the file
	key string // where it stands, for messages: resources.mem
	raw json.RawMessage
}

// member is one key of an object with its value.
type member struct {
	at   int // of the key
	name string
	value
}

func (r *reader) problem(at int, format string, args ...any) {
	r.mistakes = append(r.mistakes, mistake{at, fmt.Sprintf(format, args...)})
}

// document checks that the file is one JSON object in UTF-8, and gives it. ok
// is false, and the first mistake noted, if it isn't.
func (r *reader) document() (top value, ok bool) {
	if i := invalidUTF8(r.data); i >= 0 {
		r.problem(i, "this byte (0x%02x) is not UTF-8; save the file as UTF-8", r.data[i])
		return value{}, false
	}
	text := bytes.TrimLeft(r.data, space)
	if len(text) == 0 {
		r.problem(len(r.data), "the file is empty; write one JSON object, {} at least")
		return value{}, false
	}
	var raw json.RawMessage
	var syntax *json.SyntaxError
	err := json.Unmarshal(r.data, &raw) // refuses what nests deeper than 10,000, too
	switch {
	case errors.As(err, &syntax):
		at := int(syntax.Offset) - 1 // it counts the byte it stumbled over
		if strings.HasPrefix(err.Error(), "unexpected end") {
			at = len(bytes.TrimRight(r.data, space))
		}
		r.problem(max(at, 0), "this is not JSON: %v; correct it there or just before", err)
		return value{}, false
	case err != nil:
		r.problem(0, "this is not JSON: %v", err)
		return value{}, false
	}
	top = value{at: len(r.data) - len(text), key: "the file", raw: text}
	if raw[0] != '{' {
		r.problem(top.at, "the file holds %s; write one JSON object, {} at least", kind(raw))
		return value{}, false
	}
	return top, true
}

// space is what JSON calls white space (RFC 8259, section 2).
const space = " \t\r\n"

// invalidUTF8 gives the index of the first byte that is no UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	i := 0
	for {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}

// kind names what a JSON value is.
func kind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// is says whether v is of the wanted kind, and notes a mistake if not. A null
// counts as missing, as it does for encoding/json: no mistake, but not there.
func (r *reader) is(v value, want, instead string) bool {
	switch kind(v.raw) {
	case want:
		return true
	case "null":
		return false
	}
	r.problem(v.at, "%s is %s; write %s", v.key, kind(v.raw), instead)
	return false
}

// members gives what stands in an object, in the order of the file; of equal
// names the last. v has to be an object.
func (r *reader) members(v value) []member {
	d := json.NewDecoder(bytes.NewReader(v.raw))
	_, err := d.Token()
	var list []member
	index := map[string]int{}
	for err == nil && d.More() {
		var m member
		m.at = v.at + skip(v.raw, int(d.InputOffset()), space+",")
		var token json.Token
		if token, err = d.Token(); err != nil {
			break
		}
		m.name, _ = token.(string)
		m.value.at = v.at + skip(v.raw, int(d.InputOffset()), space+":")
		err = d.Decode(&m.raw)
		if i, again := index[m.name]; again {
			list[i] = m
			continue
		}
		index[m.name] = len(list)
		list = append(list, m)
	}
	if err != nil {
		r.problem(v.at, "internal error: %v in JSON that was well-formed", err)
	}
	for i := range list {
		list[i].key = keyPath(v.key, list[i].name)
	}
	return list
}

func skip(data []byte, at int, what string) int {
	for at < len(data) && strings.IndexByte(what, data[at]) >= 0 {
		at++
	}
	return at
}

// keyPath is how messages name a key: env.HOME, storage.volumes["/srv/a b"].
func keyPath(above, name string) string {
	for _, c := range name {
		if !(c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return above + "[" + quote(name) + "]"
		}
	}
	if name == "" {
		return above + `[""]`
	}
	if above == "the file" {
		return name
	}
	return above + "." + name
}

// text gives a string, "" where there is none.
func (r *reader) text(v value, instead string) string {
	var s string
	if r.is(v, "a string", instead) {
		if err := json.Unmarshal(v.raw, &s); err != nil {
			r.problem(v.at, "%s: %v", v.key, err)
		}
	}
	return s
}

// whole gives a whole number of lo to hi; ok is false where there is none.
// meaning is what to write instead: "MiB, 0 for no limit".
func (r *reader) whole(v value, lo, hi int64, meaning string) (n int64, ok bool) {
	wanted := fmt.Sprintf("a whole number from %d to %d (%s)", lo, hi, meaning)
	if !r.is(v, "a number", wanted) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	if err != nil || n < lo || n > hi {
		r.problem(v.at, "%s is %s; write %s", v.key, shorten(v.raw), wanted)
		return 0, false
	}
	return n, true
}

// shorten is a number of the file as it stands in a message.
func shorten(raw json.RawMessage) string {
	if len(raw) > 40 {
		return string(raw[:40]) + "…"
	}
	return string(raw)
}
