package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lanyard-dev/lanyard/client"
	"golang.org/x/sys/unix"
)

// screen is a watch on a terminal: a line for each change, which stays, and
// below them a block of lines that is drawn again in its place. The cursor is
// never hidden and no mode of the terminal is changed for longer than one
// write: so there is nothing to restore, not even after a KILL.
type screen struct {
	out    io.Writer
	flush  func() error
	size   func() (columns, rows int)
	color  bool
	view   view
	events []string // changes that are not on the terminal yet
	shown  []int    // width of each line of the block that is there
	drawn  string   // what was written last
}

func newScreen(c *ctl) *screen {
	return &screen{
		out: c.a.out, flush: c.a.out.Flush, color: c.a.getenv("NO_COLOR") == "",
		size: terminalSize, view: view{absence: c.absence, place: c.place()},
	}
}

// terminalSize is that of the terminal on standard output.
func terminalSize() (columns, rows int) {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

func (s *screen) show(n news) {
	if event := s.view.take(n); event != "" {
		s.events = append(s.events, n.at.Format("15:04:05")+"  "+event)
	}
	s.draw(n.at)
}

func (s *screen) tick(now time.Time) { s.draw(now) }

func (s *screen) fresh() { s.shown, s.drawn = nil, "" }

// end leaves the block where it is; what comes next begins on a line of its
// own, below the ^C that the terminal shows.
func (s *screen) end() {
	fmt.Fprintln(s.out)
	s.flush()
}

// The sequences of ECMA-48 and, for the wrapping of lines, DEC's VT100 that
// every terminal of today knows.
const (
	eraseBelow = "\x1b[J"
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
)

// draw writes the changes and the block over the old block, in one write.
func (s *screen) draw(now time.Time) {
	columns, rows := s.size()
	block := s.view.block(now, columns)
	block = block[:min(len(block), max(1, rows-1))]
	var b strings.Builder
	if up := s.height(columns, rows); up > 0 {
		fmt.Fprintf(&b, "\r\x1b[%dA", up)
	}
	b.WriteString(eraseBelow)
	for _, event := range s.events {
		b.WriteString(event + "\n")
	}
	b.WriteString(wrapOff)
	var widths []int
	for _, line := range block {
		text := cut(line.String(), columns)
		widths = append(widths, utf8.RuneCountInString(text))
		if s.color && line.color != "" {
			text = line.color + text + "\x1b[0m"
		}
		b.WriteString(text + "\n")
	}
	b.WriteString(wrapOn)
	if text := b.String(); text != s.drawn || len(s.events) > 0 {
		io.WriteString(s.out, text)
		s.drawn, s.shown, s.events = text, widths, nil
	}
	s.flush()
}

// height is how many rows the old block takes: a terminal that has become
// narrower has wrapped its lines.
func (s *screen) height(columns, rows int) int {
	n := 0
	for _, width := range s.shown {
		n += max(1, (width+columns-1)/columns)
	}
	return min(n, rows-1)
}

// cut shortens a line to a number of columns.
func cut(text string, columns int) string {
	runes := []rune(text)
	if len(runes) <= columns {
		return text
	}
	return string(runes[:max(0, columns-1)]) + "…"
}

// view is what a watch knows, and how it looks.
type view struct {
	absence func(error) string
	place   string // the supervisor's directory

	state   client.State
	any     bool // state is one
	away    error
	since   time.Time // of the last change between up, down and away
	exactly bool      // that change was seen
	ended   string    // the last end that was seen
	cpu     meter
}

// take adds news and gives the line that tells about them, "" for figures only.
func (v *view) take(n news) (event string) {
	if n.err != nil {
		if v.away != nil {
			return ""
		}
		v.since, v.exactly = n.at, v.any
		v.away, v.cpu = n.err, meter{}
		return v.absence(n.err)
	}
	known := v.any && v.away == nil
	change := changed(known, v.state, n.state)
	if !known || v.state.Up != n.state.Up || v.state.Restarting != n.state.Restarting || v.state.Restarts != n.state.Restarts {
		v.since, v.exactly = n.at, known
	}
	if end := ending(n.state.ExitStatus); end != "" {
		v.ended = end
	}
	v.cpu.add(n.at, n.state.Metrics.CPUTime)
	v.state, v.any, v.away = n.state, true, nil
	if change {
		event = sentence(n.state)
	}
	return event
}

// colored is a field in a colour, "" for none.
type colored struct {
	field
	color string
}

const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
)

// block is the view at a moment.
func (v *view) block(now time.Time, columns int) []colored {
	lasts := "for "
	if !v.exactly {
		lasts = "for at least "
	}
	lasts += max(0, now.Sub(v.since)).Truncate(time.Second).String()
	const rule = 60 // columns of the line above the view
	title := "-- " + visible(v.place) + " "
	title += strings.Repeat("-", max(2, min(columns, rule)-utf8.RuneCountInString(title)))
	all := []colored{{field{title, ""}, ""}}
	switch {
	case v.away != nil:
		return append(all, colored{field{"supervisor", " away " + lasts}, yellow})
	case !v.any:
		return append(all, colored{field{"container", "is being started"}, yellow})
	}
	s := v.state
	for _, f := range fields(s) {
		line := colored{f, ""}
		switch f.name {
		case "container":
			line.text += " " + lasts
			line.color = stateColor(s)
		case "last end":
			continue
		case "memory":
			line.text = memoryBar(s.Metrics, columns) + line.text
			if s.Metrics.MemoryLimit > 0 && share(s.Metrics) >= 0.9 {
				line.color = red
			}
		case "CPU time":
			all = append(all, colored{field{"CPU use", v.cpu.text(s.Up)}, ""})
		}
		all = append(all, line)
	}
	if v.ended != "" {
		all = append(all, colored{field{"last end", v.ended}, ""})
	}
	return all
}

func stateColor(s client.State) string {
	switch {
	case s.Up && s.Restarting:
		return green
	case s.Up || s.Restarting:
		return yellow
	}
	return red
}

// memoryBar is the used part of the limit, where there is one and room.
func memoryBar(m client.Metrics, columns int) string {
	const widest, others = 30, nameWidth + 32 // others: the name, and the longest figures
	width := min(widest, columns-others)
	if m.MemoryLimit == 0 || m.MemoryLimit >= unlimited || width < 5 {
		return ""
	}
	full := int(share(m)*float64(width) + 0.5)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] "
}

// meter computes CPU use from CPU time.
type meter struct {
	at      time.Time // of the base
	used    uint64    // CPU time at the base, in ns
	based   bool
	known   bool
	percent float64 // of one CPU, between the last two bases
}

// leastSpan is the shortest time that a use is computed over: states that
// follow each other closely would say too little.
const leastSpan = 500 * time.Millisecond

// add takes the CPU time of a moment. One that is lower is another supervisor's.
func (m *meter) add(at time.Time, used uint64) {
	span := at.Sub(m.at)
	switch {
	case !m.based || used < m.used:
		*m = meter{based: true}
	case span < leastSpan:
		return
	default:
		m.percent, m.known = 100*float64(used-m.used)/float64(span), true
	}
	m.at, m.used = at, used
}

func (m *meter) text(up bool) string {
	switch {
	case !up:
		return "none: it is down"
	case !m.known:
		return "known in a few seconds"
	}
	return fmt.Sprintf("%.1f %% of one CPU", m.percent)
}
