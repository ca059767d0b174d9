package plan

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// text returns the text of a scalar, "" for an empty one. ok is false when n
// is something else or can't be given to a program; that is reported.
func (l *loader) text(n *yaml.Node, what string) (text string, ok bool) {
	l.untagged(n)
	return l.taggedText(n, what)
}

// taggedText is text for a value whose tag the caller has looked at.
func (l *loader) taggedText(n *yaml.Node, what string) (text string, ok bool) {
	if n.Kind != yaml.ScalarNode {
		l.problem(l.at(n), "%s: expected text, got %s", what, kind(n))
		return "", false
	}
	if isNull(n) {
		return "", true
	}
	if strings.ContainsRune(n.Value, 0) {
		l.problem(l.at(n), "%s contains a NUL byte, which no program can be given; remove it", what)
		return "", false
	}
	return n.Value, true
}

// filled is text which must not be empty.
func (l *loader) filled(n *yaml.Node, what string) (text string, ok bool) {
	text, ok = l.text(n, what)
	if ok && strings.TrimSpace(text) == "" {
		l.problem(l.at(n), "%s is empty; write a value or remove the key", what)
		return "", false
	}
	return text, ok
}

// optionalText is the text of f's key, "" when it is not written.
func (l *loader) optionalText(f fields, key string) string {
	n := f.get(key)
	if n == nil {
		return ""
	}
	text, _ := l.text(n, key)
	return text
}

// texts returns the items of a list of scalars.
func (l *loader) texts(n *yaml.Node, what string) []string {
	l.untagged(n)
	return l.taggedTexts(n, what)
}

// taggedTexts is texts for a value whose tag the caller has looked at.
func (l *loader) taggedTexts(n *yaml.Node, what string) []string {
	var out []string
	for _, item := range l.taggedList(n, what) {
		if text, ok := l.text(item, "an item of "+what); ok {
			out = append(out, text)
		}
	}
	return out
}

// placed is a text and where it stands.
type placed struct {
	text string
	pos  Pos
}

// namesOf returns the items of a list of names, each valid and once.
func (l *loader) namesOf(n *yaml.Node, what string) []placed {
	var out []placed
	seen := map[string]bool{}
	for _, item := range l.list(n, what) {
		text, ok := l.text(item, "an item of "+what)
		if !ok || !l.validName(l.at(item), text, what) {
			continue
		}
		if seen[text] {
			l.problem(l.at(item), "%s: %s is here a second time; remove it", what, quote(text))
			continue
		}
		seen[text] = true
		out = append(out, placed{text, l.at(item)})
	}
	return out
}

// maxName bounds a name: names become names of files.
const maxName = 100

// validName reports a name that cannot be typed, printed or used as the name
// of a file.
func (l *loader) validName(pos Pos, name, what string) bool {
	good := name != "" && name[0] != '-' && name != "." && name != ".." && len(name) <= maxName
	for _, c := range []byte(name) {
		good = good && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '.' || c == '_' || c == '-')
	}
	if !good {
		l.problem(pos, "%s: %s is not a name; use up to %d letters, digits, '.', '_' and '-', not '-' first", what, quote(name), maxName)
	}
	return good
}

// boolean reads true or false, in any of the spellings YAML ever had.
func (l *loader) boolean(n *yaml.Node, what string) (value, ok bool) {
	text, ok := l.text(n, what)
	if !ok {
		return false, false
	}
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	l.problem(l.at(n), "%s: expected true or false, got %s", what, kind(n))
	return false, false
}

// whole reads a whole number from low to high.
func (l *loader) whole(n *yaml.Node, what string, low, high uint64) (number uint64, ok bool) {
	text, ok := l.text(n, what)
	if !ok {
		return 0, false
	}
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		l.problem(l.at(n), "%s: expected a whole number, got %s", what, kind(n))
		return 0, false
	}
	if len(digits) > 1 && digits[0] == '0' {
		l.problem(l.at(n), "%s: %s begins with 0, which some take for octal; write it without", what, quote(text))
		return 0, false
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number < low || number > high {
		l.problem(l.at(n), "%s: %s is out of range (%d to %d)", what, quote(text), low, high)
		return 0, false
	}
	return number, true
}

// maxID is the largest user or group id; the one above means "no change" to
// the kernel (setresuid(2)).
const maxID = math.MaxUint32 - 1

// id reads a user or group id; nil when it is not written or wrong.
func (l *loader) id(f fields, key string) *uint32 {
	n := f.get(key)
	if n == nil {
		return nil
	}
	number, ok := l.whole(n, key, 0, maxID)
	if !ok {
		return nil
	}
	id := uint32(number)
	return &id
}

// ids reads a list of group ids.
func (l *loader) ids(f fields, key string) []uint32 {
	n := f.get(key)
	if n == nil {
		return nil
	}
	var out []uint32
	for _, item := range l.list(n, key) {
		if number, ok := l.whole(item, key, 0, maxID); ok {
			out = append(out, uint32(number))
		}
	}
	return out
}

// decimal reads a number such as 2 or 0.5 from low to high.
func (l *loader) decimal(n *yaml.Node, what string, low, high float64) (number float64, ok bool) {
	text, ok := l.text(n, what)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.Trim(text, "-0123456789.") != "" {
		l.problem(l.at(n), "%s: expected a number, got %s", what, kind(n))
		return 0, false
	}
	if number < low || number > high {
		l.problem(l.at(n), "%s: %s is out of range (%s to %s)", what, quote(text), short(low), short(high))
		return 0, false
	}
	return number, true
}

func short(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// maxSeconds is a day, as in vagga.
const maxSeconds = 86400

// seconds reads a duration written in seconds.
func (l *loader) seconds(n *yaml.Node, what string) (time.Duration, bool) {
	number, ok := l.decimal(n, what, 0, maxSeconds)
	return time.Duration(math.Round(number * float64(time.Second))), ok
}

// size reads a size in bytes from low up.
func (l *loader) size(n *yaml.Node, what string, low int64) (bytes int64, ok bool) {
	text, ok := l.text(n, what)
	if !ok {
		return 0, false
	}
	bytes, err := ParseSize(text)
	if err != nil {
		l.problem(l.at(n), "%s: %v", what, err)
		return 0, false
	}
	if bytes < low {
		l.problem(l.at(n), "%s: %s is too small; the least is %d bytes", what, quote(text), low)
		return 0, false
	}
	return bytes, true
}

// choice reads one of a few words, '-' and '_' being the same.
func (l *loader) choice(n *yaml.Node, what string, known ...string) (string, bool) {
	text, ok := l.text(n, what)
	if !ok {
		return "", false
	}
	if word := dashed(text); slices.Contains(known, word) {
		return word, true
	}
	l.unknown(l.at(n), text, known, "%s: expected %s, got %s", what, strings.Join(known, " or "), kind(n))
	return "", false
}

// environ reads variables in the order of the file.
func (l *loader) environ(f fields) []EnvVar {
	n := f.get("environ")
	if n == nil {
		return nil
	}
	return l.variables(l.mapping(n, "environ", same), "environ")
}

// variables reads the entries of a mapping of names to values.
func (l *loader) variables(entries []entry, what string) []EnvVar {
	var out []EnvVar
	for _, e := range entries {
		if e.key == "" || strings.ContainsAny(e.key, "=\x00") {
			l.problem(l.at(e.keyNode), "%s: %s is not a name of a variable; it must not be empty nor contain '=' or NUL", what, quote(e.key))
			continue
		}
		if value, ok := l.text(e.value, what+" "+quote(e.key)); ok {
			out = append(out, EnvVar{Name: e.key, Value: value})
		}
	}
	return out
}
