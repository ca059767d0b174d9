package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Limits on what is believed about an image.
const (
	maxManifest = 4 << 20 // bytes of a manifest or an index, as registries limit them
	maxConfig   = 8 << 20 // bytes of a configuration
	// What overlayfs stacks (OVL_MAX_STACK, 500), less the container's own folder
	// and what a recipe makes on the image: rootfs.MaxLayers-1.
	maxLayers = 498
)

// Image is one platform's image, as its manifest and configuration say. It can
// be kept as JSON; what is read back has no source, and can't Fetch.
type Image struct {
	Ref    string // canonical, see Ref.String
	Digest string // of the manifest; of the configuration where an archive has no manifest
	Config Config
	Layers []Layer // the lowest first

	source source
}

// Config is what an image says about the process that runs in it.
type Config struct {
	Env              []string // NAME=VALUE
	WorkingDir, User string   // User: a name or an id, and perhaps :GROUP
	Entrypoint, Cmd  []string
	Architecture, OS string
	Variant          string
	Created          time.Time // zero if it is not known
}

// Layer is one layer of an image.
type Layer struct {
	Digest    string // sha256 of the blob, as it is stored
	DiffID    string // sha256 of the uncompressed tar stream
	MediaType string
	Size      int64 // of the blob, in bytes
}

// Blob is a layer's blob as a file, or as a section of one.
type Blob struct {
	Path         string
	Offset, Size int64 // in bytes
	Temporary    bool  // downloaded, and to be removed by the caller after use
}

// source is where an image's parts come from.
type source interface {
	manifest(ctx context.Context, digest string) ([]byte, error)
	config(ctx context.Context, d v1.Descriptor) ([]byte, error)
	fetch(ctx context.Context, l Layer, blobs string, progress func(int64)) (Blob, error)
}

// Fetch delivers the blob of layer i, verified. A registry's is downloaded into
// the folder blobs, which is made if need be; what a download that was
// interrupted left there (HEX.part) is continued. Of several processes that want
// the same blob one downloads, the others wait and find it. progress, which may
// be nil, is called with the number of bytes that are now there; a negative one
// takes back what has to be downloaded again. The sum of a success is
// Layers[i].Size.
//
// The caller keeps others from removing a Temporary blob that he uses.
func (img *Image) Fetch(ctx context.Context, i int, blobs string, progress func(n int64)) (Blob, error) {
	if img.source == nil {
		return Blob{}, errors.New("internal error: an image that was read from a file can't be fetched; resolve it again")
	}
	if progress == nil {
		progress = func(int64) {}
	}
	l := img.Layers[i]
	blob, err := img.source.fetch(ctx, l, blobs, progress)
	if ctx.Err() != nil && err != nil {
		return Blob{}, context.Cause(ctx)
	}
	if err != nil {
		return Blob{}, fmt.Errorf("image %s: layer %d of %d (%s): %w", img.Ref, i+1, len(img.Layers), short(l.Digest), err)
	}
	return blob, nil
}

// short is a digest as users compare it.
func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
