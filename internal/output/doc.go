// Package output carries what children write to what the user sees: whole
// lines with the child's name in front, JSON objects, or the bytes as they are.
//
// A [Mux] owns the read ends of the children's pipes. One goroutine waits for
// each of them in the runtime's poller, so an idle pipe costs a small stack
// and neither a thread nor a buffer. When there is something to read, the
// goroutine takes the turn on the destination (our stdout or our stderr; one
// turn for both when they are the same file), reads into the destination's
// buffer, and writes the finished lines before it lets the turn go. So memory
// does not grow with the number of children, lines never mix, and children that
// all have something to say are served in the order they asked.
//
// A reader of ours that is slow holds up whoever has the turn, and through the
// full pipes the children that write to this destination, but no call of the
// Mux. A reader that is gone holds up nobody: the output is dropped and counted.
package output
