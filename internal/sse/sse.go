// Package sse reads and writes raw Server-Sent Events: the text format of
// https://html.spec.whatwg.org/multipage/server-sent-events.html, without HTTP
// around it. It knows no event by name, and does no input or output.
//
// It differs from that text where the control protocol does: an event needs a
// name but no data, and a block that has no name is none.
package sse

import "bytes"

// MaxLine and MaxData bound, in bytes, what a Decoder keeps of one line
// without its end, and of the data of one event. A line that is longer, or
// whose data is too much, counts as a field that nobody knows.
const (
	MaxLine = 64 << 10
	MaxData = 64 << 10
)

// keep is the room in bytes that a Decoder holds on to between two lines.
const keep = 1 << 10

// Event is one block of a stream.
type Event struct {
	Name string // the last that the block names; never empty
	Data []byte // its data lines with a newline between each two; valid until the function that got it returns
}

// Append appends an event to dst and returns the result. Nothing in name or
// data may end a line, as nothing in JSON without indentation does; without
// data the event has no data line.
func Append(dst []byte, name string, data []byte) []byte {
	dst = append(append(append(dst, "event: "...), name...), '\n')
	if len(data) > 0 {
		dst = append(append(append(dst, "data: "...), data...), '\n')
	}
	return append(dst, '\n')
}

// Decoder finds the events in a stream that comes in pieces of any size. The
// zero Decoder is at the start of a stream. An event without the blank line at
// its end is none.
type Decoder struct {
	line    []byte // the beginning of a line whose end has not come
	tooLong bool   // that line is over MaxLine, and dropped
	skipLF  bool   // the last byte was CR: an LF now belongs to it
	begun   bool   // the first line, which may have a byte order mark, is over

	name    string
	data    []byte
	hasData bool
}

// Feed takes the next piece of the stream and calls event for each event that
// ends in it.
func (d *Decoder) Feed(piece []byte, event func(Event)) {
	for len(piece) > 0 {
		if d.skipLF {
			d.skipLF = false
			if piece[0] == '\n' {
				piece = piece[1:]
				continue
			}
		}
		end := bytes.IndexAny(piece, "\r\n")
		if end < 0 {
			d.add(piece)
			return
		}
		d.add(piece[:end])
		d.skipLF = piece[end] == '\r'
		piece = piece[end+1:]
		d.endLine(event)
	}
}

// add appends to the line, as long as there is room.
func (d *Decoder) add(piece []byte) {
	if d.tooLong = d.tooLong || len(d.line)+len(piece) > MaxLine; d.tooLong {
		d.line = nil
		return
	}
	d.line = append(d.line, piece...)
}

// endLine makes of the line what it says, and is ready for the next one.
func (d *Decoder) endLine(event func(Event)) {
	line := d.line
	if !d.begun {
		d.begun = true
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	switch {
	case d.tooLong:
	case len(line) == 0:
		d.endBlock(event)
	default:
		d.field(line)
	}
	d.tooLong = false
	d.line = emptied(d.line)
}

// endBlock gives away the block's event, if it is one.
func (d *Decoder) endBlock(event func(Event)) {
	e := Event{Name: d.name, Data: d.data}
	d.name, d.hasData = "", false
	if e.Name != "" {
		event(e)
	}
	d.data = emptied(d.data)
}

// field takes a line that is not empty. One that begins with a colon is a
// comment: a field without a name, which is unknown like many others.
func (d *Decoder) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		d.name = string(value)
	case "data":
		if len(d.data)+1+len(value) > MaxData {
			return
		}
		if d.hasData {
			d.data = append(d.data, '\n')
		}
		d.hasData = true
		d.data = append(d.data, value...)
	}
}

// emptied is b without content, and without its memory if that is much.
func emptied(b []byte) []byte {
	if cap(b) > keep {
		return nil
	}
	return b[:0]
}
