package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// verifyFile reads a layer's blob, which lies in a file from offset on, and
// compares its digest; a size of 0 is all that follows. progress is told what was
// read; it is taken back if the blob is wrong.
func verifyFile(ctx context.Context, path string, offset int64, l Layer, progress func(int64)) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return local{err}
	}
	if l.Size == 0 {
		l.Size = info.Size() - offset
	}
	if info.Size() < offset+l.Size {
		return &digestError{want: l.Digest, got: fmt.Sprintf("%d of %d bytes", max(0, info.Size()-offset), l.Size)}
	}
	h := sha256.New()
	n, err := io.Copy(h, &contextReader{ctx: ctx, r: io.NewSectionReader(f, offset, l.Size), progress: progress})
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); err == nil && got != l.Digest {
		err = &digestError{want: l.Digest, got: got}
	}
	if err != nil {
		progress(-n)
	}
	return err
}

// openRegular opens a file that is one: no pipe or device that would hold us.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// contextReader ends with its context, and tells how far it is.
type contextReader struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
}

func (c *contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(p)
	if c.progress != nil && n > 0 {
		c.progress(int64(n))
	}
	return n, err
}
