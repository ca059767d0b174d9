// Package progress shows how far downloads, unpacking and builds are: bars on a
// terminal, a line now and then elsewhere, objects for programs. It knows numbers
// of bytes and names, not what they stand for.
//
// Whoever works never waits for whoever reads: a writer that is stuck costs
// updates, not time.
package progress

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Mode is how progress is shown.
type Mode string

// Modes.
const (
	Terminal Mode = "terminal" // bars that are drawn again and again; of what goes well nothing stays
	Lines    Mode = "lines"    // lines about tasks and phases that last longer than a second
	Quiet    Mode = "quiet"    // failures only
	JSON     Mode = "json"     // one object a line, see event
)

// Choose gives the mode for a file that is a terminal or not: a terminal that
// can't move its cursor (TERM=dumb), or whose user wants no decoration
// (NO_COLOR), gets lines.
func Choose(terminal bool, getenv func(string) string) Mode {
	if term := getenv("TERM"); !terminal || term == "" || term == "dumb" || getenv("NO_COLOR") != "" {
		return Lines
	}
	return Terminal
}

const (
	drawEvery = 100 * time.Millisecond // a terminal, at most
	lineAfter = time.Second            // a task's first line elsewhere, and one about each phase
	lineEvery = 5 * time.Second        // the lines after it
	jsonEvery = time.Second            // a task's object
	lookEvery = 200 * time.Millisecond // whether a line or an object is due
	patience  = time.Second            // with a stuck writer, at the end
	maxQueue  = 1000                   // lines that wait for the writer; more are left out
	maxBars   = 8
)

// Progress shows tasks on one writer. Its methods may be called from several
// goroutines, and don't wait for the writer.
type Progress struct {
	w     io.Writer
	mode  Mode
	width func() int
	wake  chan struct{} // holds one token if there is something new
	ended chan struct{} // closed when the loop has ended

	mu     sync.Mutex
	tasks  []*Task  // those that go on, in the order of their beginning
	queue  []string // lines that stay, each with its newline
	lost   int      // lines that the queue had no room for
	closed bool

	drawn []int // runes of each line of the block on the terminal; the loop's own
}

// New shows progress on w. width gives the columns of the terminal, and is asked
// at each drawing; nil or a result below 1 means 80. Close it.
func New(w io.Writer, mode Mode, width func() int) *Progress {
	if width == nil {
		width = func() int { return 80 }
	}
	p := &Progress{w: w, mode: mode, width: width, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go p.loop()
	return p
}

// Close takes the bars away, writes what is left to say, and leaves the cursor
// at the beginning of a line. It waits a second at most if the writer is stuck.
// Tasks may be used afterwards; nothing is shown.
func (p *Progress) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.nudge()
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
}

// Message shows a line or several, above the bars.
func (p *Progress) Message(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == JSON {
		p.say(encode(event{Message: text}))
	} else if p.mode != Quiet {
		for line := range strings.Lines(text) {
			p.say(Clean(line) + "\n")
		}
	}
}

// say queues a line that stays. The caller holds mu.
func (p *Progress) say(line string) {
	switch {
	case p.closed:
		return
	case len(p.queue) >= maxQueue:
		p.lost++
	default:
		p.queue = append(p.queue, line)
	}
	p.nudge()
}

func (p *Progress) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// loop is the only one that writes. It looks when there is something new, and
// while tasks go on; a terminal is drawn no more often than drawEvery.
func (p *Progress) loop() {
	defer close(p.ended)
	pulse := drawEvery
	if p.mode != Terminal {
		pulse = lookEvery
	}
	timer := time.NewTimer(pulse)
	defer timer.Stop()
	var last time.Time
	for broken := false; ; {
		select {
		case <-p.wake:
		case <-timer.C:
		}
		if wait := drawEvery - time.Since(last); p.mode == Terminal && wait > 0 && !p.isClosed() {
			timer.Reset(wait)
			continue
		}
		text, busy, closed := p.compose(time.Now())
		if text != "" && !broken {
			_, err := io.WriteString(p.w, text)
			broken = err != nil // nobody reads: the work goes on
		}
		if closed {
			return
		}
		if last = time.Now(); busy {
			timer.Reset(pulse)
		}
	}
}

func (p *Progress) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// compose makes the text for one write: lines that stay, and the block below
// them, in place of the one that is there.
func (p *Progress) compose(now time.Time) (text string, busy, closed bool) {
	width := p.width()
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	if rows := rowsOf(p.drawn, width); rows > 0 {
		// Up; each line erases what is right of it. What was typed meanwhile may have
		// moved the cursor.
		fmt.Fprintf(&b, "\r\x1b[%dA", rows)
		if rows > len(p.drawn) {
			b.WriteString("\x1b[J") // what was a line is several now
		}
	}
	erase := ""
	if p.mode == Terminal {
		erase = "\x1b[K"
	}
	for _, t := range p.tasks {
		t.sample(now)
		p.report(t, now)
	}
	if p.lost > 0 {
		p.queue = append(p.queue, lostLine(p.mode, p.lost))
		p.lost = 0
	}
	for _, line := range p.queue {
		b.WriteString(strings.TrimSuffix(line, "\n") + erase + "\n")
	}
	p.queue = nil
	var block []string
	if p.mode == Terminal && !p.closed {
		block = bars(p.tasks, now, width)
	}
	for _, line := range block {
		b.WriteString(line + erase + "\n")
	}
	if len(p.drawn) > len(block) {
		b.WriteString("\x1b[J")
	}
	p.drawn = p.drawn[:0]
	for _, line := range block {
		p.drawn = append(p.drawn, utf8.RuneCountInString(line))
	}
	return b.String(), len(p.tasks) > 0, p.closed
}

// rowsOf counts the rows of lines that were drawn, in a terminal that has become
// width columns wide: most of them break what is too long by then.
func rowsOf(lines []int, width int) (rows int) {
	for _, runes := range lines {
		rows++
		if width > 0 && runes > width {
			rows += (runes - 1) / width
		}
	}
	return rows
}

// report queues what is due about a task, where there are no bars.
func (p *Progress) report(t *Task, now time.Time) {
	if now.Before(t.next) || p.closed {
		return
	}
	switch {
	case p.mode == Lines && t.phase != "": // without one it waits for its turn
		t.next = now.Add(lineEvery)
		p.say(t.name + ": " + t.state(now) + "\n")
	case p.mode == JSON:
		t.next = now.Add(jsonEvery)
		p.say(encode(t.event("")))
	}
}

func lostLine(mode Mode, n int) string {
	if mode == JSON {
		return encode(event{Lost: n})
	}
	return fmt.Sprintf("(%d lines were left out, because this could not be written fast enough)\n", n)
}

// remove takes a task from the list. The caller holds mu.
func (p *Progress) remove(t *Task) {
	p.tasks = slices.DeleteFunc(p.tasks, func(other *Task) bool { return other == t })
}

// Clean makes one printable line of a text.
func Clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	return strings.TrimRight(text, " ")
}

// IsTerminal says whether a file is one that shows bars to somebody.
func IsTerminal(f *os.File) bool { return columns(f) > 0 }

// Width gives the columns of a terminal, for New.
func Width(f *os.File) func() int { return func() int { return columns(f) } }
