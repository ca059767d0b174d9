package provide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/registry"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// downloads is how many layers are downloaded at a time.
const downloads = 3

// fetcher makes the layers of one image.
type fetcher struct {
	p    *Provider
	s    *store.Store
	v    *view
	img  *registry.Image
	free chan struct{} // a place for each download
}

// download is a layer on its way.
type download struct {
	blob   registry.Blob
	err    error
	there  bool   // another process made the node; there is no blob
	unlock func() // whoever takes a download off its channel calls it
}

func (f *fetcher) task(i int) *progress.Task {
	layer := f.img.Layers[i]
	return f.p.progress().Task("layer " + strings.TrimPrefix(layer.Digest, "sha256:")[:12])
}

// start downloads the layer that completes a node, beside what the caller does,
// once nobody else makes the node. It stays locked, so that a layer is downloaded
// once. Who holds that lock waits for nothing but lower layers before the node is
// made, so lanyards that want the same layers never wait for each other in a circle.
func (f *fetcher) start(ctx context.Context, i int, key store.Key, task *progress.Task) <-chan download {
	out := make(chan download, 1)
	go func() {
		d := download{unlock: func() {}}
		unlock, err := f.s.Lock(ctx, lockName(key), func() { task.Phase("waiting for another lanyard") })
		switch {
		case err != nil:
			d.err = err
		case f.s.Has(key):
			d.there, d.unlock = true, unlock
		default:
			d.unlock = unlock
			d.blob, d.err = f.download(ctx, i, task)
		}
		out <- d
	}()
	return out
}

func lockName(key store.Key) string { return strings.ReplaceAll(string(key), "/", "-") }

// download downloads a layer when there is a place for it.
func (f *fetcher) download(ctx context.Context, i int, task *progress.Task) (registry.Blob, error) {
	select {
	case f.free <- struct{}{}:
		defer func() { <-f.free }()
	case <-ctx.Done():
		return registry.Blob{}, ctx.Err()
	}
	task.Phase("downloading")
	task.Total(f.img.Layers[i].Size)
	return f.img.Fetch(ctx, i, f.s.Blobs(), task.Add)
}

// abandon ends downloads that nobody waits for any more; their context is over.
func abandon(waiting []<-chan download) {
	for _, coming := range waiting {
		if coming != nil {
			d := <-coming
			d.unlock()
		}
	}
}

// holdTries is how often a blob is downloaded that is gone when it is needed.
const holdTries = 3

// hold gives a layer's blob a name in t, so that it is there until it is unpacked:
// who unpacks the same blob elsewhere, or cleans the store, removes it.
func (f *fetcher) hold(ctx context.Context, t *store.Temp, i int, blob registry.Blob, task *progress.Task) (registry.Blob, error) {
	for range holdTries {
		if !blob.Temporary {
			return blob, nil
		}
		held := blob
		held.Path = filepath.Join(t.Path, fmt.Sprintf("blob-%d", i))
		err := os.Link(blob.Path, held.Path)
		switch {
		case err == nil:
			return held, nil
		case !errors.Is(err, fs.ErrNotExist):
			return blob, nil // a filesystem without hard links
		}
		if blob, err = f.download(ctx, i, task); err != nil {
			return blob, err
		}
	}
	return blob, errors.New("the downloaded layer is removed again and again; let the other lanyard come to its end first")
}

// unpacked removes a blob that is not needed any more. It is kept where that
// failed: who tries again need not download it again.
func (f *fetcher) unpacked(i int, blob registry.Blob) {
	for _, later := range f.img.Layers[i+1:] {
		if later.Digest == f.img.Layers[i].Digest {
			return
		}
	}
	if blob.Temporary {
		os.Remove(blob.Path)
	}
}
