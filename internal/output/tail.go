package output

import (
	"bytes"
	"sync"
)

// tailSize is how many bytes of finished lines are remembered for each
// process, and how many of an unfinished line for each of its two streams.
const tailSize = 8 << 10

// tail remembers the end of what a process wrote, for the report of its death.
type tail struct {
	mu   sync.Mutex
	done lastBytes    // finished lines of both streams, in the order they were read
	open [2]lastBytes // the unfinished line of each stream
}

// add takes a chunk of one stream. It looks at no more than the end of it.
func (t *tail) add(stream int, chunk []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	open := &t.open[stream]
	if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
		t.done.add(open.bytes)
		t.done.add(chunk[:i+1])
		t.done.cut = t.done.cut || open.cut
		open.bytes, open.cut = open.bytes[:0], false
		chunk = chunk[i+1:]
	}
	open.add(chunk)
}

// lines returns the last n lines, unfinished ones at the end.
func (t *tail) lines(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := split(&t.done)
	for i := range t.open {
		if len(t.open[i].bytes) > 0 {
			all = append(all, string(t.open[i].bytes))
		}
	}
	return all[max(0, len(all)-max(0, n)):]
}

// split cuts finished lines apart. A first line whose beginning is forgotten
// is left out, unless it is the only one.
func split(b *lastBytes) []string {
	rest := bytes.TrimSuffix(b.bytes, []byte("\n"))
	if len(b.bytes) == 0 {
		return nil
	}
	var all []string
	for line := range bytes.SplitSeq(rest, []byte("\n")) {
		all = append(all, string(line))
	}
	if b.cut && len(all) > 1 {
		all = all[1:]
	}
	return all
}

// lastBytes is the last tailSize bytes of what was added. It starts empty and
// grows with its content, because most children write little.
type lastBytes struct {
	bytes []byte
	cut   bool // something was forgotten
}

func (l *lastBytes) add(b []byte) {
	if over := len(b) - tailSize; over > 0 {
		b, l.cut = b[over:], true
	}
	if over := len(l.bytes) + len(b) - tailSize; over > 0 {
		l.cut = true
		l.bytes = l.bytes[:copy(l.bytes, l.bytes[over:])]
	}
	l.bytes = append(l.bytes, b...)
}
