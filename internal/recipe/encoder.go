package recipe

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
)

// encoder hashes fields so that no two lists of fields come to the same bytes:
// each has a name and a value, both with their length in front, and what
// repeats says before how often, or says at its end that it ends.
type encoder struct {
	all    hash.Hash
	file   hash.Hash
	buffer []byte
}

func newEncoder() *encoder {
	return &encoder{all: sha256.New(), file: sha256.New(), buffer: make([]byte, 256<<10)}
}

func (e *encoder) sum() []byte { return e.all.Sum(nil) }

func (e *encoder) text(name, value string) {
	for _, part := range []string{name, value} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		e.all.Write(length[:])
		io.WriteString(e.all, part)
	}
}

func (e *encoder) number(name string, value int64) { e.text(name, strconv.FormatInt(value, 10)) }

func (e *encoder) texts(name string, values []string) {
	e.number(name, int64(len(values)))
	for _, v := range values {
		e.text("item", v)
	}
}

// tree hashes what source names: paths, types, contents and targets of links,
// and of each entry what more writes.
func (e *encoder) tree(project *os.Root, source string, more func(Entry)) error {
	err := Walk(project, source, func(entry Entry) error {
		e.text("entry", entry.Path)
		e.text("type", typeName(entry.Info.Mode()))
		more(entry)
		e.text("link", entry.Link)
		if !entry.Info.Mode().IsRegular() {
			return nil
		}
		sum, err := e.content(entry)
		e.text("content", string(sum))
		return err
	})
	e.text("end", "")
	return err
}

// content is the SHA-256 of a file's contents. Its length need not be known
// before, so a file that grows meanwhile shifts nothing.
func (e *encoder) content(entry Entry) ([]byte, error) {
	f, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e.file.Reset()
	// The wrapper hides WriteTo, which would make a buffer for each file.
	if _, err := io.CopyBuffer(e.file, struct{ io.Reader }{f}, e.buffer); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", entry.Path, err)
	}
	return e.file.Sum(nil), nil
}
