package output

import (
	"bytes"
	"slices"
	"testing"
)

// reference is the splitter in its simplest form: with the whole text at hand.
func reference(text []byte, most int) [][]byte {
	var all [][]byte
	lines := bytes.Split(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	for _, line := range lines {
		for len(line) > most {
			all = append(all, line[:most])
			line = line[most:]
		}
		all = append(all, line)
	}
	return all
}

// FuzzSplitter cuts text into chunks whose sizes come from cuts.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), []byte{1, 3, 200}, uint8(4))
	f.Add([]byte("aaaaaaaa\n"), []byte{4, 4, 1}, uint8(4))
	f.Add([]byte("\n\n\n"), []byte{}, uint8(1))
	f.Add([]byte("aaaaa"), []byte{5}, uint8(5))
	f.Fuzz(func(t *testing.T, text, cuts []byte, most uint8) {
		s := splitter{max: max(1, int(most))}
		var got [][]byte
		emit := func(line []byte) { got = append(got, bytes.Clone(line)) }
		rest := text
		for _, n := range cuts {
			n := min(int(n), len(rest))
			s.feed(rest[:n], emit)
			if len(s.carry) > s.max {
				t.Fatalf("%d bytes are kept, more than %d", len(s.carry), s.max)
			}
			rest = rest[n:]
		}
		s.feed(rest, emit)
		s.finish(emit)
		if want := reference(text, s.max); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}
