package provide

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/registry"
	"github.com/lanyard-dev/lanyard/internal/store"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// layers makes an image's layers, the lowest first, and gives a lease on the
// uppermost. They are downloaded ahead, a few at a time.
func (p *Provider) layers(ctx context.Context, s *store.Store, v *view, img *registry.Image) (*store.Lease, error) {
	if len(img.Layers) == 0 {
		return nil, errors.New("the image has no layers; there is nothing to run in it")
	}
	flat, err := p.flat(ctx, s, v)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fetcher{p: p, s: s, v: v, img: img, free: make(chan struct{}, downloads)}
	if flat {
		defer cancel()
		return f.oneFolder(ctx)
	}
	return f.stacked(ctx, cancel)
}

// flat says whether layers have to be laid over each other in one folder, because
// the store's filesystem can't hold what overlayfs wants of a layer.
func (p *Provider) flat(ctx context.Context, s *store.Store, v *view) (bool, error) {
	t, err := s.Temp()
	if err != nil {
		return false, err
	}
	defer t.Close()
	can, err := v.files.CanOverlay(ctx, t.Path)
	return !can, err
}

// stacked makes a node of each layer. cancel ends what is downloaded ahead.
func (f *fetcher) stacked(ctx context.Context, cancel func()) (lease *store.Lease, err error) {
	n := len(f.img.Layers)
	waiting, tasks, keys := make([]<-chan download, n), make([]*progress.Task, n), f.keys()
	for i, key := range keys {
		if !f.s.Has(key) {
			tasks[i] = f.task(i)
			waiting[i] = f.start(ctx, i, key, tasks[i])
		}
	}
	at := 0
	defer func() {
		cancel()
		abandon(waiting[at:])
		for _, task := range tasks[at:] {
			if task != nil {
				task.Drop()
			}
		}
	}()
	for ; at < n; at++ {
		coming := waiting[at]
		waiting[at] = nil
		next, err := f.layer(ctx, at, keys[at], coming, tasks[at], lease)
		lease.Close()
		if err != nil {
			return nil, err
		}
		lease = next
	}
	return lease, nil
}

// keys are those of the nodes of all layers.
func (f *fetcher) keys() (keys []store.Key) {
	chain := ""
	for _, layer := range f.img.Layers {
		chain = store.Chain(chain, layer.DiffID)
		keys = append(keys, store.LayerKey(chain))
	}
	return keys
}

// layer makes a node, unless it is there, and gives a lease on it. below is one
// on what it lies on.
func (f *fetcher) layer(ctx context.Context, i int, key store.Key, coming <-chan download, task *progress.Task, below *store.Lease) (*store.Lease, error) {
	if coming == nil {
		if lease, err := f.s.Use(key); err == nil {
			return lease, nil
		}
		task = f.task(i) // removed since it was looked at
		defer task.Drop()
		coming = f.start(ctx, i, key, task)
	}
	got := <-coming
	defer got.unlock()
	if got.err != nil {
		return nil, got.err
	}
	if got.there {
		lease, err := f.s.Use(key)
		if err != nil {
			return nil, fmt.Errorf("cannot use a layer that another lanyard has made: %w; start again", err)
		}
		task.Done()
		return lease, nil
	}
	stack, lower := []store.Key{key}, []string(nil)
	if below != nil {
		stack, lower = append(stack, below.Node.Stack...), below.Layers
	}
	lease, err := f.unpack(ctx, stack, []int{i}, []registry.Blob{got.blob}, lower, false, task)
	if err != nil {
		return nil, err
	}
	task.Done()
	return lease, nil
}

// unpack makes one node of layers, which lie in one folder.
func (f *fetcher) unpack(ctx context.Context, stack []store.Key, which []int, blobs []registry.Blob, lower []string, flat bool, task *progress.Task) (*store.Lease, error) {
	t, err := f.s.Temp()
	if err != nil {
		return nil, err
	}
	defer t.Close()
	dest, err := t.NodeDir(node)
	if err != nil {
		return nil, err
	}
	var layers []worker.Layer
	for n, i := range which {
		blob, err := f.hold(ctx, t, i, blobs[n], task)
		if err != nil {
			return nil, err
		}
		layers = append(layers, worker.Layer{
			Blob: blob.Path, Offset: blob.Offset, Size: blob.Size, Dest: dest, Flat: flat, Lower: lower, DiffID: f.img.Layers[i].DiffID,
		})
	}
	done, err := f.files(ctx, layers, task)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", f.img.Ref, err)
	}
	n := store.Node{Stack: stack, Created: time.Now()}
	skipped := 0
	for _, u := range done {
		n.Size, n.Files, skipped = n.Size+u.Bytes, n.Files+u.Files, skipped+u.Skipped
	}
	if !flat && done[0].Opaque {
		n.Stack = stack[:1]
	}
	if skipped > 0 {
		f.p.progress().Message(fmt.Sprintf("%d device nodes of the image are left out: only root can make them, and a container has its own /dev", skipped))
	}
	lease, err := f.s.Adopt(t, node, n)
	if err != nil {
		return nil, err
	}
	for n, i := range which {
		f.unpacked(i, blobs[n])
	}
	return lease, nil
}

// files unpacks layers, and shows how far it is.
func (f *fetcher) files(ctx context.Context, layers []worker.Layer, task *progress.Task) ([]worker.Unpacked, error) {
	total := int64(0)
	for _, l := range layers {
		total += l.Size
	}
	task.Phase("unpacking")
	task.Total(total)
	limits := f.p.o.Settings.LayerLimits
	before, current, told := int64(0), 0, int64(0)
	return f.v.files.Unpack(ctx, layers, worker.Limits{Bytes: limits.Size, Files: limits.Files}, func(layer int, read int64) {
		if layer != current {
			before, current = before+layers[current].Size, layer
		}
		task.Add(before + read - told)
		told = before + read
	})
}

// oneFolder makes one node of all layers.
func (f *fetcher) oneFolder(ctx context.Context) (*store.Lease, error) {
	keys := f.keys()
	key := keys[len(keys)-1]
	if lease, err := f.s.Use(key); err == nil {
		return lease, nil
	}
	task := f.p.progress().Task("all layers, into one folder")
	defer task.Drop()
	unlock, err := f.s.Lock(ctx, lockName(key), func() { task.Phase("waiting for another lanyard") })
	if err != nil {
		return nil, err
	}
	defer unlock()
	if lease, err := f.s.Use(key); err == nil {
		task.Done()
		return lease, nil // somebody has made it since we looked
	}
	which, blobs, err := f.all(ctx)
	if err != nil {
		return nil, err
	}
	lease, err := f.unpack(ctx, []store.Key{key}, which, blobs, nil, true, task)
	if err != nil {
		return nil, err
	}
	task.Done()
	return lease, nil
}

// all downloads all layers, a few at a time.
func (f *fetcher) all(ctx context.Context) (which []int, blobs []registry.Blob, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		i    int
		blob registry.Blob
		err  error
	}
	results := make(chan result, len(f.img.Layers))
	for i := range f.img.Layers {
		which = append(which, i)
		task := f.task(i)
		go func() {
			defer task.Drop()
			blob, err := f.download(ctx, i, task)
			if err == nil {
				task.Done()
			}
			results <- result{i, blob, err}
		}()
	}
	blobs = make([]registry.Blob, len(f.img.Layers))
	for range f.img.Layers {
		r := <-results
		blobs[r.i] = r.blob
		if r.err != nil && err == nil {
			err = r.err
			cancel()
		}
	}
	return which, blobs, err
}
