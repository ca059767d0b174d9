package unpack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
	"sync/atomic"
)

// A stream turns the layer as it comes into the tar stream. Three goroutines
// work on it at once, each on a chunk of its own, and hand it on:
//
//	decompress -> hash -> apply (the caller of Read) -> free, back to decompress
//
// Which is what makes two cores worth it: inflating and making files cost about
// the same.
type stream struct {
	ctx      context.Context
	cancel   context.CancelFunc
	progress func(int64)
	read     atomic.Int64 // bytes that came, as they came

	free          chan []byte
	plain, hashed chan chunk
	sum           hash.Hash
	done          sync.WaitGroup

	buf   []byte // the chunk at hand, to be given back
	rest  []byte // what of it is not read yet
	err   error  // sticks; io.EOF at the end
	total int64  // uncompressed bytes seen
	max   int64  // how many there may be; 0: any
}

// chunk is uncompressed data, and why it is the last.
type chunk struct {
	data []byte
	err  error
}

const (
	chunkSize = 1 << 20 // bytes
	// Each of the three goroutines has one, and some wait between them. The
	// channels have room for all, and the last error: only free is waited for.
	chunks = 6
)

func openStream(ctx context.Context, layer io.Reader, max int64, progress func(int64)) *stream {
	s := &stream{progress: progress, max: max, sum: sha256.New(),
		free: make(chan []byte, chunks), plain: make(chan chunk, chunks+1), hashed: make(chan chunk, chunks+1)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	for range chunks {
		s.free <- nil // made when it is needed: a small layer needs one
	}
	s.done.Go(func() { s.decompress(layer) })
	s.done.Go(s.hash)
	return s
}

// decompress fills chunks until the layer ends or fails.
func (s *stream) decompress(layer io.Reader) {
	defer close(s.plain)
	in := &source{layer: layer, read: &s.read}
	out, stop, err := Decompress(in, false)
	defer stop()
	for err == nil {
		var buf []byte
		select {
		case buf = <-s.free:
		case <-s.ctx.Done():
			return
		}
		if buf == nil {
			buf = make([]byte, chunkSize)
		}
		n := 0
		for n < len(buf) && err == nil && s.ctx.Err() == nil {
			var more int
			more, err = out.Read(buf[n:])
			n += more
		}
		s.plain <- chunk{data: buf[:n]}
	}
	if err != io.EOF {
		err = in.explain(err)
	}
	s.plain <- chunk{err: err}
}

// hash computes the DiffID, of what follows the tar's end too.
func (s *stream) hash() {
	defer close(s.hashed)
	for c := range s.plain {
		s.sum.Write(c.data)
		s.hashed <- c
	}
}

// next gets the next chunk.
func (s *stream) next() error {
	if s.err != nil {
		return s.err
	}
	if s.buf != nil {
		s.free <- s.buf[:cap(s.buf)]
		s.buf = nil
	}
	// Looked at first, because select takes any of what is ready.
	if s.err = context.Cause(s.ctx); s.err != nil {
		return s.err
	}
	select {
	case c, ok := <-s.hashed:
		if s.buf, s.rest, s.err = c.data, c.data, c.err; !ok {
			s.err = context.Cause(s.ctx)
		}
	case <-s.ctx.Done():
		s.err = context.Cause(s.ctx)
	}
	if s.progress != nil {
		s.progress(s.read.Load())
	}
	if s.total += int64(len(s.rest)); s.max > 0 && s.total > s.max {
		s.err = &LimitError{What: "bytes", Limit: s.max}
	}
	return s.err
}

// Read gives uncompressed data.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// drain reads what follows the tar's end.
func (s *stream) drain() error {
	for s.err == nil {
		_ = s.next()
	}
	s.rest = nil
	if s.err != io.EOF {
		return s.err
	}
	return nil
}

// failed is why the stream broke off, nil if it did not.
func (s *stream) failed() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// digest is the DiffID, once drain has met the end.
func (s *stream) digest() string { return "sha256:" + hex.EncodeToString(s.sum.Sum(nil)) }

// close stops the goroutines and waits for them.
func (s *stream) close() {
	s.cancel()
	s.done.Wait()
}
