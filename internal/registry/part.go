package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// part is a blob that is being downloaded: a file HEX.part, held by flock, with
// the hash of the bytes that are there. Who is killed leaves it, and the next
// one goes on where it ends.
type part struct {
	file     *os.File
	path     string // of HEX.part
	size     int64  // of the whole blob; at most, if it is open
	open     bool   // nobody says how large it is: it ends where the server ends
	have     int64
	pieces   int // that have been put together: of earlier downloads, tries and hosts
	hash     hash.Hash
	progress func(int64)
}

// openPart waits for the lock of a blob's part. It gives no part if the whole
// blob is there by then, at path. A size of 0 is not known.
func openPart(ctx context.Context, blobs string, l Layer, progress func(int64)) (p *part, path string, err error) {
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		return nil, "", local{fmt.Errorf("cannot make the folder for downloads: %w", err)}
	}
	path = filepath.Join(blobs, l.Digest[len("sha256:"):])
	for {
		p := &part{path: path + ".part", size: l.Size, hash: sha256.New(), progress: progress}
		if p.size == 0 {
			p.size = maxDownload
		}
		p.file, err = os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, "", local{fmt.Errorf("cannot open a download: %w", err)}
		}
		held, err := p.lock(ctx)
		if err == nil && held {
			err = verifyFile(ctx, path, 0, l, progress)
			var digest *digestError
			switch {
			case err == nil:
				p.remove()
				return nil, path, nil
			case errors.Is(err, os.ErrNotExist):
				return p, path, nil
			case errors.As(err, &digest): // a crash came before its bytes were on the disk
				err = os.Remove(path)
			}
			if err == nil {
				return p, path, nil
			}
		}
		p.file.Close()
		if err != nil {
			return nil, "", err
		}
	}
}

// lock waits for the part's lock. It does not hold if another process had it and
// renamed or removed the file: then there is a new state to look at.
func (p *part) lock(ctx context.Context) (held bool, err error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := unix.Flock(int(p.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			return false, local{fmt.Errorf("cannot lock %s: %w", p.path, err)}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	mine, err := p.file.Stat()
	if err != nil {
		return false, local{err}
	}
	there, err := os.Lstat(p.path)
	return err == nil && os.SameFile(mine, there), nil
}

// resume hashes what an earlier download left.
func (p *part) resume(ctx context.Context) error {
	info, err := p.file.Stat()
	if err != nil {
		return local{err}
	}
	if info.Size() > p.size {
		return p.restart()
	}
	n, err := io.Copy(p.hash, &contextReader{ctx: ctx, r: io.LimitReader(p.file, p.size), progress: p.progress})
	p.have, p.pieces = n, 2 // how many there were is not known
	if err != nil {
		return local{fmt.Errorf("cannot read %s: %w", p.path, err)}
	}
	return nil
}

// restart begins anew, with nothing.
func (p *part) restart() error {
	if err := p.file.Truncate(0); err != nil {
		return local{err}
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return local{err}
	}
	p.progress(-p.have)
	p.have, p.pieces = 0, 0
	p.hash.Reset()
	return nil
}

// append takes bytes of a server, and none beyond the blob's size.
func (p *part) append(r io.Reader) error {
	if p.have == 0 {
		p.pieces = 0
	}
	p.pieces++
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		if p.have+int64(n) > p.size {
			return final{fmt.Errorf("it sends more than the %d bytes that the manifest tells", p.size)}
		}
		if n > 0 {
			if _, err := p.file.Write(buf[:n]); err != nil {
				return local{fmt.Errorf("cannot keep the download: %w; make room, or set another folder for images", err)}
			}
			p.hash.Write(buf[:n])
			p.have += int64(n)
			p.progress(int64(n))
		}
		switch {
		case err == io.EOF && p.have < p.size && !p.open:
			return fmt.Errorf("it ends after %d of %d bytes", p.have, p.size)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// finish makes the whole part the blob, or removes what is wrong.
func (p *part) finish(l Layer, path string) error {
	resumed := p.pieces > 1
	if got := "sha256:" + hex.EncodeToString(p.hash.Sum(nil)); got != l.Digest {
		if err := p.restart(); err != nil {
			return err
		}
		return &digestError{want: l.Digest, got: got, resumed: resumed}
	}
	if err := os.Rename(p.path, path); err != nil {
		return local{err}
	}
	return nil
}

// remove takes the part away; the lock is still held while it goes.
func (p *part) remove() {
	os.Remove(p.path) // what can't be removed is resumed or swept later
	p.file.Close()
}
