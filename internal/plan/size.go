package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12},
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
}

// ParseSize reads a size in bytes: a whole number, alone or with a unit of ten
// (k M G T) or of two (Ki Mi Gi Ti), each with or without a B at the end; k
// may be K. The result is from 0 to math.MaxInt64. The error quotes text but
// does not say where it stands.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimLeft(text, "0123456789")
	digits = text[:len(text)-len(digits)]
	unit := strings.TrimPrefix(text[len(digits):], " ")
	if digits == "" {
		return 0, fmt.Errorf("expected a size such as 512MiB, got %s", quote(text))
	}
	factor, ok := unitBytes(unit)
	if !ok {
		if strings.HasPrefix(unit, ".") {
			return 0, fmt.Errorf("size %s has a fraction; write a whole number in a smaller unit", quote(text))
		}
		return 0, fmt.Errorf("size %s has the unknown unit %s; known are k, M, G, T, Ki, Mi, Gi, Ti, each with or without a B", quote(text), quote(unit))
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("size %s is too large", quote(text))
	}
	return n * factor, nil
}

func unitBytes(unit string) (int64, bool) {
	unit = strings.TrimSuffix(unit, "B")
	if unit == "" {
		return 1, true
	}
	if unit[0] == 'k' { // vagga writes k and ki, others kB and KiB
		unit = "K" + unit[1:]
	}
	for _, u := range sizeUnits {
		if u.name == unit {
			return u.bytes, true
		}
	}
	return 0, false
}
