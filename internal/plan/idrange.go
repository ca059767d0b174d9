package plan

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// IDRange is the user or group ids from First to Last, both included.
type IDRange struct{ First, Last uint32 }

// idRanges reads the ids that have to be there in a container: a list of
// numbers and of FIRST-LAST. Without the key it is nil.
func (l *loader) idRanges(f fields, key string) []IDRange {
	n := f.get(key)
	if n == nil {
		return nil
	}
	out, before := []IDRange{}, len(l.problems)
	for _, item := range l.list(n, key) {
		if r, ok := l.idRange(item, key); ok {
			out = append(out, r)
		}
	}
	if len(out) == 0 && len(l.problems) == before {
		l.problem(l.at(n), "%s is empty; write ranges as [0-65535], or remove the key", key)
	}
	return out
}

func (l *loader) idRange(n *yaml.Node, key string) (IDRange, bool) {
	text, ok := l.text(n, "an item of "+key)
	if !ok {
		return IDRange{}, false
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 32)
	to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 32)
	if err != nil || err2 != nil || to > maxID || from > to {
		l.problem(l.at(n), "%s: %s is no range of ids; write FIRST-LAST or one number, from 0 to %d", key, quote(text), uint32(maxID))
		return IDRange{}, false
	}
	return IDRange{uint32(from), uint32(to)}, true
}
