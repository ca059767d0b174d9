package registry

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// folder is a source: an OCI layout (image-spec, "Image Layout").
type folder struct {
	ref Ref
	dir string
}

// tagKeys are the annotations that hold a name in a layout's index: of the
// image-spec, and of containerd.
var tagKeys = []string{"org.opencontainers.image.ref.name", "io.containerd.image.name"}

func (c *Client) resolveLayout(ctx context.Context, ref Ref) (*Image, error) {
	src := folder{ref: ref, dir: ref.path}
	index := filepath.Join(ref.path, "index.json")
	data, err := readSmall(index, maxManifest)
	if err != nil {
		return nil, fileError(ref, index, err)
	}
	doc, err := parseDocument(data, "")
	if err != nil {
		return nil, err
	}
	if doc.index == nil {
		return nil, fmt.Errorf("index.json is no index")
	}
	if doc.index.Manifests, err = tagged(doc.index.Manifests, ref.tag); err != nil {
		return nil, err
	}
	return c.build(ctx, ref, src, doc)
}

// tagged gives the entries of a layout's index with a tag; all of them if there
// is none to choose by.
func tagged(all []v1.Descriptor, tag string) ([]v1.Descriptor, error) {
	var names []string
	var found []v1.Descriptor
	for _, d := range all {
		for _, key := range tagKeys {
			name := d.Annotations[key]
			if name != "" && name == tag {
				found = append(found, d)
				break
			}
			if name != "" && key == tagKeys[0] {
				names = append(names, clean(name))
			}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch list := strings.Join(names, ", "); {
	case tag != "" && len(names) == 0:
		return nil, fmt.Errorf("the layout has no tag %q, nor any other; leave it out", tag)
	case tag != "":
		return nil, fmt.Errorf("the layout has no tag %q; there is %s", tag, list)
	case len(names) > 1:
		return nil, fmt.Errorf("the layout has several tags; append one: %s", list)
	}
	return all, nil
}

func (f folder) blob(digest string) string {
	return filepath.Join(f.dir, "blobs", "sha256", digest[len("sha256:"):])
}

func (f folder) read(digest string, limit int64) ([]byte, error) {
	data, err := readSmall(f.blob(digest), limit)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s is missing; the layout is not complete", f.blob(digest))
	}
	if err == nil {
		err = checkDigest(data, digest)
	}
	return data, err
}

func (f folder) manifest(_ context.Context, digest string) ([]byte, error) {
	return f.read(digest, maxManifest)
}

func (f folder) config(_ context.Context, d v1.Descriptor) ([]byte, error) {
	return f.read(d.Digest.String(), d.Size)
}

func (f folder) fetch(ctx context.Context, l Layer, _ string, progress func(int64)) (Blob, error) {
	path := f.blob(l.Digest)
	if err := verifyFile(ctx, path, 0, l, progress); err != nil {
		return Blob{}, fmt.Errorf("%s: %w", path, err)
	}
	return Blob{Path: path, Size: l.Size}, nil
}

// readSmall reads a regular file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, err
}
