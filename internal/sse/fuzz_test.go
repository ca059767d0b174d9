package sse

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// plain finds the events in a stream that is there as a whole.
func plain(stream []byte) (events []got) {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(stream))
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	var name string
	var data []string
	size := 0                                   // of data, joined
	for _, line := range lines[:len(lines)-1] { // the last has no end
		if line == "" {
			if name != "" {
				events = append(events, got{name, strings.Join(data, "\n")})
			}
			name, data, size = "", nil, 0
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case len(line) > MaxLine:
		case field == "event":
			name = value
		case field == "data" && size+1+len(value) <= MaxData:
			if len(data) > 0 {
				size++
			}
			size += len(value)
			data = append(data, value)
		}
	}
	return events
}

// FuzzDecoder feeds the same bytes whole, byte by byte and in random pieces:
// the events must be the same, those that a plain reading finds, and the memory
// bounded.
func FuzzDecoder(f *testing.F) {
	for i, c := range streams {
		if len(c.stream) < 1000 {
			f.Add([]byte(c.stream), uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		stream = stretched(stream)
		want := plain(stream)
		if events := decode(new(Decoder), stream, whole); !slices.Equal(events, want) {
			t.Errorf("whole: %.300q, want %.300q", events, want)
		}
		random := rand.New(rand.NewPCG(seed, 0))
		d := new(Decoder)
		bounded := func() int {
			// append may take up to twice what it needs.
			if most := 2*MaxLine + 2*MaxData + MaxLine; d.room() > most {
				t.Fatalf("%d bytes are held, want at most %d", d.room(), most)
			}
			return 1 + random.IntN(20+len(stream)/50)
		}
		if events := decode(d, stream, bounded); !slices.Equal(events, want) {
			t.Errorf("in pieces: %.300q, want %.300q", events, want)
		}
		if len(stream) < 1000 {
			if events := decode(new(Decoder), stream, byteByByte); !slices.Equal(events, want) {
				t.Errorf("byte by byte: %q, want %q", events, want)
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
