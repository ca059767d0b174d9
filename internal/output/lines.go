package output

import "bytes"

// MaxLine is the longest line, in bytes and without its newline, that is kept
// whole. A longer one is cut into pieces of this size, each a line of its own.
const MaxLine = 4 << 20

// splitter cuts a stream of chunks into lines. It keeps only the beginning of
// a line whose end has not come yet.
type splitter struct {
	max   int // MaxLine; smaller in tests
	carry []byte
}

// feed calls emit for each line that chunk completes, without the newline. The
// slice given to emit is valid only during the call.
func (s *splitter) feed(chunk []byte, emit func(line []byte)) {
	for len(chunk) > 0 {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			s.keep(chunk, emit)
			return
		}
		if len(s.carry) == 0 && i <= s.max {
			emit(chunk[:i])
		} else {
			s.keep(chunk[:i], emit)
			emit(s.carry)
			s.carry = s.carry[:0]
		}
		chunk = chunk[i+1:]
	}
}

// keep adds part to the line that is not complete. Whenever there is more than
// a line may have it emits a full piece; so afterwards, as long as part had
// bytes, the carry has some too.
func (s *splitter) keep(part []byte, emit func(line []byte)) {
	for len(s.carry)+len(part) > s.max {
		n := s.max - len(s.carry)
		s.carry = append(s.carry, part[:n]...)
		emit(s.carry)
		s.carry = s.carry[:0]
		part = part[n:]
	}
	s.carry = append(s.carry, part...)
}

// finish emits the last line if it had no newline.
func (s *splitter) finish(emit func(line []byte)) {
	if len(s.carry) > 0 {
		emit(s.carry)
	}
	s.carry = nil
}

// shrink gives back the memory that a long line took, once nothing of it is left.
func (s *splitter) shrink() {
	if len(s.carry) == 0 {
		s.carry = nil
	}
}
