package output

import (
	"fmt"
	"os"
	"time"
)

// Format says how the children's output is shown.
type Format string

// The formats.
const (
	Prefix Format = "prefix" // whole lines, the child's name in front
	Raw    Format = "raw"    // the bytes as they come
	JSON   Format = "json"   // one object for each line
)

// ParseFormat turns what a user wrote into a Format. The names are exact; any
// other word is an error that lists them.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case Prefix, Raw, JSON:
		return f, nil
	}
	return "", fmt.Errorf("unknown output format %q: use prefix, raw or json", s)
}

// Options says where the output goes and what it looks like.
type Options struct {
	Stdout, Stderr *os.File // never closed, and never switched to or from O_NONBLOCK
	Format         Format   // "" means Prefix
	Timestamps     bool     // RFC 3339 in UTC with milliseconds before each line; JSON always has a time
	Color          bool     // colours in prefixes, on those of the two that are terminals

	StdoutIsTerminal, StderrIsTerminal bool

	// Names are the names of all children; a child is its index in this list.
	// The longest name sets the width of the prefix, the index the colour.
	Names []string

	// Notify gets a one-line warning when our own output can't be written,
	// once for each stream and cause. It is called from a goroutine of the
	// Mux that holds no lock; Message may be called from it. May be nil.
	Notify func(msg string)

	// Now is the clock for timestamps, called once for each chunk that is
	// read. nil means time.Now.
	Now func() time.Time
}
