package worker

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// decompress gives what a compressed file holds: gzip, zstd, xz or bzip2, found
// by how it begins; anything else is what it is. Close when done.
func decompress(in io.Reader) (io.Reader, func(), error) {
	buffered := bufio.NewReaderSize(in, 128<<10)
	head, err := buffered.Peek(6)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	nothing := func() {}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		out, err := gzip.NewReader(buffered)
		return out, nothing, err
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		out, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, err
		}
		return out, out.Close, nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		out, err := xz.NewReader(buffered)
		return out, nothing, err
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(buffered), nothing, nil
	}
	return buffered, nothing, nil
}
