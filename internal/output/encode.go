package output

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// layout is how one stream of one child is written. The zero layout passes
// bytes on as they are.
type layout struct {
	lines    bool // split into lines
	json     bool
	stamped  bool   // lead begins with the time
	repeatCR bool   // print the lead again after a lone carriage return
	before   string // what stands before the time
	after    string // what stands between the time and the text
}

// newLayout works out the layout for child and stream ("stdout" or "stderr").
func newLayout(o *Options, child int, stream string) layout {
	terminal := o.StdoutIsTerminal
	if stream == "stderr" {
		terminal = o.StderrIsTerminal
	}
	switch o.Format {
	case JSON:
		after := appendJSONText([]byte(`","child":"`), validText(o.Names[child]))
		after = append(after, `","stream":"`+stream+`","line`...)
		return layout{lines: true, json: true, stamped: true, before: `{"time":"`, after: string(after)}
	case Raw:
		if !o.Timestamps {
			return layout{}
		}
		return layout{lines: true, stamped: true, after: " "}
	}
	name := o.Names[child]
	width := 0
	for _, n := range o.Names {
		width = max(width, utf8.RuneCountInString(n))
	}
	pad := bytes.Repeat([]byte(" "), width-utf8.RuneCountInString(name))
	after := name + string(pad) + " | "
	if o.Color && terminal {
		after = colorOf(child) + after + colorReset
	}
	if o.Timestamps {
		after = " " + after
	}
	return layout{lines: true, stamped: o.Timestamps, repeatCR: terminal, after: after}
}

// lead appends what stands before each line of a chunk that was read at now.
func (l *layout) lead(dst []byte, now time.Time) []byte {
	dst = append(dst, l.before...)
	if l.stamped {
		dst = appendStamp(dst, now)
	}
	return append(dst, l.after...)
}

// line appends one finished line.
func (l *layout) line(dst, lead, text []byte) []byte {
	dst = append(dst, lead...)
	switch {
	case l.json:
		return append(appendJSONLine(dst, text), '\n')
	case l.repeatCR:
		dst = appendRepeating(dst, lead, text)
	default:
		dst = append(dst, text...)
	}
	return append(dst, '\n')
}

// appendRepeating appends text and puts lead after each carriage return that
// is not the last byte, so that a progress bar does not overwrite it.
func appendRepeating(dst, lead, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\r')
		if i < 0 || i == len(text)-1 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i+1]...)
		dst = append(dst, lead...)
		text = text[i+1:]
	}
}

// appendStamp appends now as RFC 3339 in UTC with milliseconds.
func appendStamp(dst []byte, now time.Time) []byte {
	now = now.UTC()
	year, month, day := now.Date()
	hour, minute, second := now.Clock()
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(append(dst, '-'), int(month), 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, 'T'), hour, 2)
	dst = appendDigits(append(dst, ':'), minute, 2)
	dst = appendDigits(append(dst, ':'), second, 2)
	dst = appendDigits(append(dst, '.'), now.Nanosecond()/int(time.Millisecond), 3)
	return append(dst, 'Z')
}

// appendDigits appends n in decimal with zeros in front up to width.
func appendDigits(dst []byte, n, width int) []byte {
	for limit := 10; width > 1; width-- {
		if n < limit {
			for range width - 1 {
				dst = append(dst, '0')
			}
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
