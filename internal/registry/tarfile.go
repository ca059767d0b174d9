package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxEntries bounds the names in an archive. An old docker save writes four for
// each layer.
const maxEntries = 100_000

// section is a file within an archive; size and offset in bytes.
type section struct {
	offset, size int64
	link         string // another name that has the content; "" if it is here
}

// tarfile is a tar file whose files are read where they lie.
type tarfile struct {
	file  *os.File
	names map[string]section
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// readTar lists an archive; it skips the contents.
func readTar(ctx context.Context, f *os.File) (*tarfile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t := &tarfile{file: f, names: map[string]section{}}
	head := make([]byte, 4)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, errors.New("the file is empty, or too short for an archive")
	}
	if bytes.HasPrefix(head, gzipMagic) || bytes.HasPrefix(head, zstdMagic) {
		return nil, errors.New("the archive is compressed as a whole; decompress it first, with gunzip or unzstd")
	}
	for r := tar.NewReader(f); ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		h, err := r.Next()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the archive is damaged or cut off: %s", clean(err.Error()))
		}
		// The reader takes whole blocks of the header only, so the content
		// begins where it stands.
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		s := section{offset: offset, size: h.Size}
		switch name := path.Clean(h.Name); h.Typeflag {
		case tar.TypeSymlink:
			s.link = path.Join(path.Dir(name), h.Linkname)
			t.names[name] = s
		case tar.TypeLink:
			s.link = path.Clean(h.Linkname)
			t.names[name] = s
		case tar.TypeReg:
			if h.PAXRecords["GNU.sparse.major"] == "" && offset+h.Size <= info.Size() {
				t.names[name] = s
			}
		}
		if len(t.names) > maxEntries {
			return nil, fmt.Errorf("there are more than %d files in the archive", maxEntries)
		}
	}
}

// find looks a name up. An old docker save has links where layers are the same.
func (t *tarfile) find(name string) (section, error) {
	next := path.Clean(name)
	for range 8 {
		s, ok := t.names[next]
		if !ok {
			return section{}, fmt.Errorf("the archive lacks %q", clean(next))
		}
		if s.link == "" {
			return s, nil
		}
		next = s.link
	}
	return section{}, fmt.Errorf("%q in the archive is a link without end", clean(name))
}

// read gives the content of a small file.
func (t *tarfile) read(name string, limit int64) ([]byte, error) {
	s, err := t.find(name)
	if err != nil {
		return nil, err
	}
	if s.size > limit {
		return nil, fmt.Errorf("%q in the archive is larger than %d bytes", clean(name), limit)
	}
	data := make([]byte, s.size)
	if _, err := t.file.ReadAt(data, s.offset); err != nil && err != io.EOF {
		return nil, err
	}
	return data, nil
}

// kind is a layer's media type by how it begins.
func (t *tarfile) kind(s section) (types.MediaType, error) {
	head := make([]byte, min(4, s.size))
	if _, err := t.file.ReadAt(head, s.offset); err != nil && err != io.EOF {
		return "", err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return types.DockerLayer, nil
	case bytes.HasPrefix(head, zstdMagic):
		return types.OCILayerZStd, nil
	}
	return types.DockerUncompressedLayer, nil
}

func (t *tarfile) digest(ctx context.Context, s section) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, &contextReader{ctx: ctx, r: io.NewSectionReader(t.file, s.offset, s.size)}); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
