package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// source counts what comes, and remembers the reader's own error: what a
// decompressor makes of it doesn't tell whose fault it is.
type source struct {
	layer io.Reader
	read  *atomic.Int64
	err   error
}

// Read reads on.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.layer.Read(p)
	s.read.Add(int64(n))
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explain turns a decompressor's error into one for people.
func (s *source) explain(err error) error {
	var bad *LayerError
	switch {
	case s.err != nil:
		return fmt.Errorf("cannot read the layer: %w", s.err)
	case errors.As(err, &bad):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errTruncated
	case errors.Is(err, gzip.ErrChecksum):
		return &LayerError{Why: "is damaged: its gzip checksum is wrong"}
	case errors.Is(err, gzip.ErrHeader):
		return &LayerError{Why: "is damaged: something that is not gzip follows its gzip data"}
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return &LayerError{Why: fmt.Sprintf("is compressed with a zstd window of more than %d MiB; compress it again without --long or --ultra", maxWindow>>20)}
	}
	return &LayerError{Why: "is damaged: " + err.Error()}
}

var errTruncated = &LayerError{Why: "is truncated: it ends in the middle"}

// maxWindow is the largest window of zstd that is accepted, in bytes: the memory
// of unpacking is bounded, and zstd(1) needs --long or --ultra for more than 8 MiB
// (RFC 8878, 3.1.1.1.2, recommends no more).
const maxWindow = 64 << 20

// Decompress looks at the first bytes and gives a reader of what is inside, and a
// function that frees it: of gzip, zstd and what is not compressed; of an archive
// that is no layer also of xz and bzip2. A zstd window of more than 64 MiB is
// zstd.ErrWindowSizeExceeded.
func Decompress(in io.Reader, archive bool) (io.Reader, func(), error) {
	buffered := bufio.NewReaderSize(in, 128<<10)
	none := func() {}
	head, err := buffered.Peek(6)
	if err != nil && err != io.EOF {
		return nil, none, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		gz, err := gzip.NewReader(buffered)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return gz, none, err
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippable(head):
		// More goroutines than ours would only take turns on two cores.
		zs, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, none, err
		}
		return zs, zs.Close, nil
	}
	name := ""
	switch {
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")) && archive:
		out, err := xz.NewReader(buffered)
		return out, none, err
	case bytes.HasPrefix(head, []byte("BZh")) && archive:
		return bzip2.NewReader(buffered), none, nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		name = "xz"
	case bytes.HasPrefix(head, []byte("BZh")):
		name = "bzip2"
	default:
		return buffered, none, nil
	}
	return nil, none, &LayerError{Why: "is compressed with " + name + ", which layers of images are not; use gzip, zstd or none"}
}

// isSkippable says whether zstd data begins with a frame to skip, as pzstd's
// does (RFC 8878, 3.1.2).
func isSkippable(head []byte) bool {
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
}
