package unpack

import (
	"fmt"
	"strings"
)

// LimitError says that a layer is larger than the caller allows.
type LimitError struct {
	What  string // what there is too much of: "bytes" or "files"
	Limit int64  // how many were allowed
}

// Error says which limit was passed; the caller knows the setting's name.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the layer has more than %d %s", e.Limit, e.What)
}

// LayerError says that the layer itself is bad: it would fail in the same way on
// any machine.
type LayerError struct {
	Entry string // the name in the tar stream; empty where it is no one entry's fault
	Why   string
}

// Error names the entry, with what a terminal can't show in escapes.
func (e *LayerError) Error() string {
	if e.Entry == "" {
		return "the layer " + e.Why
	}
	return "the layer's entry " + show(e.Entry) + " " + e.Why
}

// maxShown bounds a name in a message, in bytes: a hostile one may have a MiB.
const maxShown = 200

// show makes a name safe to print.
func show(name string) string {
	if len(name) > maxShown {
		name = name[:maxShown] + "…"
	}
	quoted := fmt.Sprintf("%q", name)
	if plain := quoted[1 : len(quoted)-1]; plain == name && !strings.ContainsRune(name, ' ') {
		return plain
	}
	return quoted
}

// entryError says what could not be done with an entry, and why.
func entryError(what, name string, err error) error {
	return fmt.Errorf("cannot %s %s: %w", what, show(name), err)
}
