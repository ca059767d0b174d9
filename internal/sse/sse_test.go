package sse

import (
	"bytes"
	"math/rand/v2"
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

func TestDecoder(t *testing.T) {
	stop := at(1)
	for _, c := range []struct {
		name, stream string
		want         []got
	}{
		{"LF", "event: stop\n\n", stop},
		{"CRLF", "event: stop\r\n\r\n", stop},
		{"CR", "event: stop\r\r", stop},
		{"mixed ends", "event: stop\r\n\nevent: stop\n\r\nevent: stop\r\n\r", at(3)},
		{"CR and LF end one line, not two", "event: kill\r\nevent: stop\r\n\r\n", stop},
		{"no space", "event:stop\n\n", stop},
		{"two spaces", "event:  stop\n\n", []got{{" stop", ""}}},
		{"space at the end", "event: stop \n\n", []got{{"stop ", ""}}},
		{"space before the colon", "event : stop\n\n", nil},
		{"byte order mark", "\ufeffevent: stop\n\n", stop},
		{"byte order mark, blank line", "\ufeff\nevent: stop\n\n", stop},
		{"byte order mark later", "\n\ufeffevent: stop\n\n", nil},
		{"half a byte order mark", "\xef\xbbevent: stop\n\n", nil},
		{"several names", "event: kill\nevent: exit\nevent: stop\n\n", stop},
		{"last name empty", "event: kill\nevent:\n\n", nil},
		{"name without colon", "event: kill\nevent\n\n", nil},
		{"comments", ": hello\nevent: stop\n:event: kill\n\n", stop},
		{"a single colon ends nothing", "event: stop\n:\nevent: kill\n\n", []got{{"kill", ""}}},
		{"other fields", "id: 7\nretry: 10\nevent: stop\nfoo: bar\nfoo\n\n", stop},
		{"data", "event: stop\ndata: x\n\n", []got{{"stop", "x"}}},
		{"data before the name", "data: x\nevent: stop\n\n", []got{{"stop", "x"}}},
		{"data without colon", "event: stop\ndata\n\n", stop},
		{"lines of data", "event: a\ndata: 1\ndata\ndata:  2\n\n", []got{{"a", "1\n\n 2"}}},
		{"data without a name is no event, and gone", "data: 1\n\nevent: a\ndata: 2\n\n", []got{{"a", "2"}}},
		{"a name holds for one block", "event: stop\n\ndata: 1\n\n", stop},
		{"blank lines", "\n\n\r\n\revent: stop\n\n\n\n", stop},
		{"case", "Event: stop\nEVENT: stop\n\n", nil},
		{"name with a colon", "event: a: b\n\n", []got{{"a: b", ""}}},
		{"no end", "event: stop\n", nil},
		{"half a line", "event: stop\n\nevent: st", stop},
		{"invalid UTF-8", "\xff\xfe: \x80\nevent: stop\ndata: \xc3\x28\n\n", []got{{"stop", "\xc3\x28"}}},
		{"NUL", "event: \x00\n\n", []got{{"\x00", ""}}},
		{"longest line", "event: stop\ndata:" + long(MaxLine-5) + "\n\n", []got{{"stop", long(MaxLine - 5)}}},
		{"longer line", "event: stop\ndata: " + long(MaxLine-5) + "\nevent: " + long(MaxLine) + "\n\n", stop},
		{"too much data", "event: stop\ndata: " + long(MaxData-7) + "\ndata: 12345678\ndata:123\n\n", []got{{"stop", long(MaxData-7) + "\n123"}}},
		{"a megabyte", long(1<<20) + "\nevent: stop\n\n", stop},
	} {
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

// FuzzDecoder feeds the same bytes whole, byte by byte and in random pieces:
// the events must be the same, and the memory bounded.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("event: stop\n\n"), uint64(1))
	f.Add([]byte("\ufeff\r\n:\revent:stop\r\ndata\rdata: 1\n\n\r"), uint64(2))
	f.Add([]byte("event: kill\nid: 1\nevent: \xff\n\nevent: st"), uint64(3))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		stream = stretched(stream)
		want := decode(new(Decoder), stream, whole)
		random := rand.New(rand.NewPCG(seed, 0))
		d := new(Decoder)
		bounded := func() int {
			// append may take up to twice what it needs.
			if most := 2*MaxLine + 2*MaxData + MaxLine; d.room() > most {
				t.Fatalf("%d bytes are held, want at most %d", d.room(), most)
			}
			return 1 + random.IntN(20)
		}
		if events := decode(d, stream, bounded); !slices.Equal(events, want) {
			t.Errorf("in pieces: %.300q, whole: %.300q", events, want)
		}
		if len(stream) < 1000 {
			if events := decode(new(Decoder), stream, byteByByte); !slices.Equal(events, want) {
				t.Errorf("byte by byte: %q, whole: %q", events, want)
			}
		}
		for _, e := range want {
			if e.name == "" || len(e.name) > MaxLine || len(e.data) > MaxData || strings.ContainsAny(e.name+e.data, "\r") || strings.Contains(e.name, "\n") {
				t.Errorf("no stream has the event %.300q", e)
			}
		}
	})
}

// stretched makes a long line of a byte 0xff, so that short input reaches the bounds.
func stretched(stream []byte) []byte {
	if bytes.Count(stream, []byte{0xff}) > 4 {
		return stream
	}
	return bytes.ReplaceAll(stream, []byte{0xff}, bytes.Repeat([]byte{'x'}, MaxLine/2))
}

// FuzzAppend encodes any event that can be and decodes it.
func FuzzAppend(f *testing.F) {
	f.Add("state", []byte(`{"up":true}`))
	f.Add(" stop", []byte(" "))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if name == "" || strings.ContainsAny(name, "\r\n") || bytes.ContainsAny(data, "\r\n") || len(name) > MaxLine/2 || len(data) > MaxData/2 {
			return
		}
		want := []got{{name, string(data)}}
		if events := decode(new(Decoder), Append(nil, name, data), whole); !slices.Equal(events, want) {
			t.Errorf("%q, want %q", events, want)
		}
	})
}
