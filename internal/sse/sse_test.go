package sse

import (
	"slices"
	"strings"
	"testing"
)

// got is an Event that stays.
type got struct{ name, data string }

// decode feeds a stream in pieces of the sizes that next gives.
func decode(d *Decoder, stream []byte, next func() int) []got {
	var events []got
	for len(stream) > 0 {
		n := min(max(next(), 1), len(stream))
		d.Feed(stream[:n], func(e Event) { events = append(events, got{e.Name, string(e.Data)}) })
		stream = stream[n:]
	}
	return events
}

func whole() int        { return 1 << 30 }
func byteByByte() int   { return 1 }
func at(n int) []got    { return slices.Repeat([]got{{"stop", ""}}, n) }
func long(n int) string { return strings.Repeat("x", n) }

// streams are what clients send, and what they might.
var streams = []struct {
	name, stream string
	want         []got
}{
	{"LF", "event: stop\n\n", at(1)},
	{"CRLF", "event: stop\r\n\r\n", at(1)},
	{"CR", "event: stop\r\r", at(1)},
	{"mixed ends", "event: stop\r\n\nevent: stop\n\r\nevent: stop\r\n\r", at(3)},
	{"CR and LF end one line, not two", "event: kill\r\nevent: stop\r\n\r\n", at(1)},
	{"no space", "event:stop\n\n", at(1)},
	{"two spaces", "event:  stop\n\n", []got{{" stop", ""}}},
	{"space at the end", "event: stop \n\n", []got{{"stop ", ""}}},
	{"space before the colon", "event : stop\n\n", nil},
	{"byte order mark", "\ufeffevent: stop\n\n", at(1)},
	{"byte order mark, blank line", "\ufeff\nevent: stop\n\n", at(1)},
	{"byte order mark later", "\n\ufeffevent: stop\n\n", nil},
	{"half a byte order mark", "\xef\xbbevent: stop\n\n", nil},
	{"several names", "event: kill\nevent: exit\nevent: stop\n\n", at(1)},
	{"last name empty", "event: kill\nevent:\n\n", nil},
	{"name without colon", "event: kill\nevent\n\n", nil},
	{"comments", ": hello\nevent: stop\n:event: kill\n\n", at(1)},
	{"a single colon ends nothing", "event: stop\n:\nevent: kill\n\n", []got{{"kill", ""}}},
	{"other fields", "id: 7\nretry: 10\nevent: stop\nfoo: bar\nfoo\n\n", at(1)},
	{"data", "event: stop\ndata: x\n\n", []got{{"stop", "x"}}},
	{"data before the name", "data: x\nevent: stop\n\n", []got{{"stop", "x"}}},
	{"data without colon", "event: stop\ndata\n\n", at(1)},
	{"lines of data", "event: a\ndata: 1\ndata\ndata:  2\n\n", []got{{"a", "1\n\n 2"}}},
	{"data without a name is no event, and gone", "data: 1\n\nevent: a\ndata: 2\n\n", []got{{"a", "2"}}},
	{"a name holds for one block", "event: stop\n\ndata: 1\n\n", at(1)},
	{"blank lines", "\n\n\r\n\revent: stop\n\n\n\n", at(1)},
	{"case", "Event: stop\nEVENT: stop\n\n", nil},
	{"name with a colon", "event: a: b\n\n", []got{{"a: b", ""}}},
	{"no end", "event: stop\n", nil},
	{"half a line", "event: stop\n\nevent: st", at(1)},
	{"invalid UTF-8", "\xff\xfe: \x80\nevent: stop\ndata: \xc3\x28\n\n", []got{{"stop", "\xc3\x28"}}},
	{"NUL", "event: \x00\n\n", []got{{"\x00", ""}}},
	{"longest line", "event: stop\ndata:" + long(MaxLine-5) + "\n\n", []got{{"stop", long(MaxLine - 5)}}},
	{"longer line", "event: stop\ndata: " + long(MaxLine-5) + "\nevent: " + long(MaxLine) + "\n\n", at(1)},
	{"too much data", "event: stop\ndata: " + long(MaxData-7) + "\ndata: 12345678\ndata:123\n\n", []got{{"stop", long(MaxData-7) + "\n123"}}},
	{"a megabyte", long(1<<20) + "\nevent: stop\n\n", at(1)},
}

func TestDecoder(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) {
			for how, next := range map[string]func() int{"whole": whole, "byte by byte": byteByByte} {
				if events := decode(new(Decoder), []byte(c.stream), next); !slices.Equal(events, c.want) {
					t.Errorf("%s: %.200q, want %.200q", how, events, c.want)
				}
			}
		})
	}
}

func TestAppend(t *testing.T) {
	stream := Append(nil, "state", []byte(`{"up":true}`))
	stream = Append(stream, "stop", nil)
	if want := "event: state\ndata: {\"up\":true}\n\nevent: stop\n\n"; string(stream) != want {
		t.Errorf("%q, want %q", stream, want)
	}
	if events, want := decode(new(Decoder), stream, whole), []got{{"state", `{"up":true}`}, {"stop", ""}}; !slices.Equal(events, want) {
		t.Errorf("%q, want %q", events, want)
	}
}

// room is the memory that a Decoder holds.
func (d *Decoder) room() int { return cap(d.line) + cap(d.data) + len(d.name) }

func TestDecoderForgets(t *testing.T) {
	d := new(Decoder)
	decode(d, []byte("event: stop\ndata: "+long(MaxLine/2)+"\n\n"), whole)
	if d.room() > 2*keep {
		t.Errorf("%d bytes are held between two events, want at most %d", d.room(), 2*keep)
	}
}
