package output

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
)

// maxMessages is how many messages wait at most while nobody reads stderr.
const maxMessages = 4096

// messages is the queue of lanyard's own messages. Its goroutine lives only
// while there are some.
type messages struct {
	sink   *sink
	notify func(string)

	mu      sync.Mutex
	waiting []string
	dropped int
	idle    chan struct{} // closed when the goroutine ends; nil without one
}

// Message shows "lanyard: text" on stderr, as a line that nothing mixes with;
// each line of a longer text gets the same beginning. It never waits: if nobody
// reads stderr, up to 4096 messages are kept and further ones are dropped and
// counted in a message of their own. Control characters become "?": a name from
// a hostile root must not move the cursor or colour what follows.
func (m *Mux) Message(text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, text)
	q := &m.messages
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxMessages {
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, text)
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.run()
	}
}

// Flush waits until all messages are written, or can't be, but not longer than
// timeout. It says whether none is left.
func (m *Mux) Flush(timeout time.Duration) bool {
	q := &m.messages
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
	if idle == nil {
		return true
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-timer.C:
		return false
	}
}

// run writes until there is nothing left.
func (q *messages) run() {
	for {
		// The turn comes first: what arrives while stderr is busy stays in
		// the queue, which is bounded.
		q.sink.take(nil)
		text, more := q.next()
		if !more {
			q.sink.release()
			return
		}
		warning := q.write(text)
		q.sink.release()
		if warning != "" {
			q.notify(warning)
		}
	}
}

// next takes the messages that wait. The goroutine is over once it returns false.
func (q *messages) next() (text string, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		close(q.idle)
		q.idle = nil
		return "", false
	}
	if q.dropped > 0 {
		q.waiting = append(q.waiting, fmt.Sprintf("%d messages were dropped, because nobody read stderr", q.dropped))
	}
	var b strings.Builder
	for _, message := range q.waiting {
		for line := range strings.SplitSeq(strings.TrimSuffix(message, "\n"), "\n") {
			b.WriteString("lanyard: " + line + "\n")
		}
	}
	q.waiting, q.dropped = nil, 0
	return b.String(), true
}

// write writes messages, after the end of an unfinished line of raw output.
func (q *messages) write(text string) (warning string) {
	if q.sink.gone.Load() {
		return ""
	}
	if q.sink.dev.midline {
		text = "\n" + text
	}
	_, err := q.sink.write([]byte(text), nil)
	return q.sink.failed(err)
}
