package worker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

// untar unpacks an archive over what is there.
func (r *buildRequest) untar(c *Change, blob *os.File) error {
	if blob == nil {
		f, err := os.Open(c.Source)
		if err != nil {
			return fmt.Errorf("cannot open the archive: %w", err)
		}
		defer f.Close()
		blob = f
	}
	if err := makeFolders(c.Path); err != nil {
		return err
	}
	dir, err := os.OpenFile(c.Path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("cannot unpack: %w", err)
	}
	defer dir.Close()
	in, stop, err := unpack.Decompress(blob, true)
	if err != nil {
		return fmt.Errorf("cannot read the archive: %w", err)
	}
	defer stop()
	if c.Subdir != "" && c.Subdir != "." {
		part, write := io.Pipe()
		defer part.Close()
		whole := in
		go func() { write.CloseWithError(below(whole, c.Subdir, write)) }()
		in = part
	}
	_, err = unpack.Apply(context.Background(), dir, in, unpack.Options{
		Flat: true, OneID: r.OneID, Nodes: !r.UserNS, MaxBytes: r.Limits.Bytes, MaxFiles: r.Limits.Files,
	})
	var limit *unpack.LimitError
	var bad *unpack.LayerError
	switch {
	case errors.As(err, &limit):
		return fmt.Errorf("the archive unpacks to more than %d %s; if it is meant to be so large, %s", limit.Limit, limit.What, raiseLimits)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return errors.New("the archive is compressed with a zstd window of more than 64 MiB; compress it again without --long or --ultra")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the archive is truncated: it ends in the middle")
	case errors.As(err, &bad) && bad.Entry == "":
		return fmt.Errorf("the archive %s", bad.Why)
	case err != nil:
		return fmt.Errorf("cannot unpack: %w", err)
	}
	return nil
}

// below copies what an archive has below a folder, and names it from there.
func below(in io.Reader, folder string, out io.Writer) error {
	r, w := tar.NewReader(in), tar.NewWriter(out)
	found := false
	for {
		h, err := r.Next()
		switch {
		case err == io.EOF && !found:
			return fmt.Errorf("there is no %s in the archive", folder)
		case err == io.EOF:
			return w.Close()
		case err != nil:
			return err
		}
		name, ok := under(h.Name, folder)
		if !ok {
			continue
		}
		found = true
		h.Name = name
		if h.Typeflag == tar.TypeLink {
			if h.Linkname, ok = under(h.Linkname, folder); !ok {
				return fmt.Errorf("%s is a hard link to something outside of %s", name, folder)
			}
		}
		if h.Typeflag == tar.TypeGNUSparse {
			h.Typeflag = tar.TypeReg // its holes are zeros by now
		}
		h.Format = tar.FormatUnknown
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
	}
}

// under gives the name that something has below folder.
func under(name, folder string) (string, bool) {
	rest, ok := strings.CutPrefix(path.Clean("/"+name)+"/", path.Clean("/"+folder)+"/")
	if !ok {
		return "", false
	}
	if rest = strings.TrimSuffix(rest, "/"); rest == "" {
		rest = "."
	}
	return rest, true
}
