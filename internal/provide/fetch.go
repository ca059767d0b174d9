package provide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/registry"
	"github.com/lanyard-dev/lanyard/internal/store"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// image provides an image: from the store if it is there, else from where its
// reference says.
func (p *Provider) image(ctx context.Context, s *store.Store, v *view, text string) (*store.Lease, store.Config, error) {
	ref, err := registry.Parse(text, p.o.Plan.Root)
	if err != nil {
		return nil, store.Config{}, err
	}
	stamp, err := ref.Stamp()
	if err != nil {
		return nil, store.Config{}, err
	}
	if lease, config, ok := p.kept(s, ref, stamp); ok {
		return lease, config, nil
	}
	if p.o.NoBuild {
		return nil, store.Config{}, fmt.Errorf("image %s: %w; run: lanyard _pull", ref, errNotThere)
	}
	if err := p.begin(ctx, s); err != nil {
		return nil, store.Config{}, err
	}
	return p.fetch(ctx, s, v, ref, stamp)
}

// kept looks an image up in the store.
func (p *Provider) kept(s *store.Store, ref registry.Ref, stamp string) (*store.Lease, store.Config, bool) {
	known, err := s.Image(ref.String(), p.registry().Platform())
	if err != nil || known.Stamp != stamp {
		return nil, store.Config{}, false
	}
	lease, err := s.Use(known.Top)
	if err != nil {
		return nil, store.Config{}, false // its layers are for other ids, or gone: they are fetched
	}
	return lease, known.Config, true
}

// registry gives the client, which asks nobody until it has to.
func (p *Provider) registry() *registry.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return p.client
	}
	o := registry.Options{Mirrors: map[string][]string{}, PlainHTTP: map[string]bool{}}
	for host, r := range p.o.Settings.Registries {
		o.Mirrors[host], o.PlainHTTP[host] = r.Mirrors, r.PlainHTTP
	}
	if parts := strings.Split(p.o.Settings.Platform, "/"); len(parts) > 1 {
		o.OS, o.Arch = parts[0], parts[1]
		if len(parts) > 2 {
			o.Variant = parts[2]
		}
	}
	p.client = registry.New(o)
	return p.client
}

// fetch resolves a reference, and makes its layers unless they are there.
func (p *Provider) fetch(ctx context.Context, s *store.Store, v *view, ref registry.Ref, stamp string) (*store.Lease, store.Config, error) {
	task := p.progress().Task(ref.String())
	task.Phase("looking it up")
	img, err := p.registry().Resolve(ctx, ref)
	if err != nil {
		task.Drop()
		return nil, store.Config{}, err
	}
	lease, err := p.layers(ctx, s, v, img)
	if err != nil {
		task.Drop()
		return nil, store.Config{}, err
	}
	c := img.Config
	config := store.Config{Env: c.Env, WorkingDir: c.WorkingDir, User: c.User, Entrypoint: c.Entrypoint, Cmd: c.Cmd}
	record := store.Image{
		Ref: ref.String(), Stamp: stamp, Platform: p.registry().Platform(), Digest: img.Digest,
		Fetched: time.Now(), Config: config, Top: lease.Key,
	}
	if record.Size, err = s.Size(lease.Node); err == nil {
		err = s.PutImage(record)
	}
	if err != nil {
		lease.Close()
		task.Drop()
		return nil, store.Config{}, err
	}
	task.Done()
	return lease, config, nil
}

// downloads is how many layers are downloaded at a time.
const downloads = 3

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
	defer cancel()
	f := &fetcher{p: p, s: s, v: v, img: img, free: make(chan struct{}, downloads)}
	if flat {
		return f.oneFolder(ctx)
	}
	return f.stacked(ctx)
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
	blob registry.Blob
	err  error
}

// start downloads a layer beside what the caller does.
func (f *fetcher) start(ctx context.Context, i int, task *progress.Task) <-chan download {
	out := make(chan download, 1)
	go func() {
		select {
		case f.free <- struct{}{}:
			defer func() { <-f.free }()
		case <-ctx.Done():
			out <- download{err: ctx.Err()}
			return
		}
		task.Phase("downloading")
		task.Total(f.img.Layers[i].Size)
		blob, err := f.img.Fetch(ctx, i, f.s.Blobs(), task.Add)
		out <- download{blob, err}
	}()
	return out
}

func (f *fetcher) task(i int) *progress.Task {
	layer := f.img.Layers[i]
	return f.p.progress().Task("layer " + strings.TrimPrefix(layer.Digest, "sha256:")[:12])
}

// stacked makes a node of each layer.
func (f *fetcher) stacked(ctx context.Context) (lease *store.Lease, err error) {
	chain, waiting, tasks := "", make([]<-chan download, len(f.img.Layers)), make([]*progress.Task, len(f.img.Layers))
	keys := make([]store.Key, len(f.img.Layers))
	for i, layer := range f.img.Layers {
		chain = store.Chain(chain, layer.DiffID)
		keys[i] = store.LayerKey(chain)
		if !f.s.Has(keys[i]) {
			tasks[i] = f.task(i)
			waiting[i] = f.start(ctx, i, tasks[i])
		}
	}
	for i := range keys {
		next, err := f.layer(ctx, i, keys[:i+1], waiting[i], tasks[i], lease)
		lease.Close()
		if err != nil {
			for _, task := range tasks[i:] {
				if task != nil {
					task.Drop()
				}
			}
			return nil, err
		}
		lease = next
	}
	return lease, nil
}

// layer makes the last of keys, unless it is there, and gives a lease on it.
// below is one on what it lies on.
func (f *fetcher) layer(ctx context.Context, i int, keys []store.Key, coming <-chan download, task *progress.Task, below *store.Lease) (*store.Lease, error) {
	key := keys[i]
	if coming == nil {
		if lease, err := f.s.Use(key); err == nil {
			return lease, nil
		}
		task = f.task(i) // removed since it was looked at
		coming = f.start(ctx, i, task)
	}
	unlock, err := f.s.Lock(ctx, strings.ReplaceAll(string(key), "/", "-"), func() { task.Phase("waiting for another lanyard") })
	if err != nil {
		return nil, err
	}
	defer unlock()
	got := <-coming
	if got.err != nil {
		return nil, got.err
	}
	if got.blob.Temporary {
		defer os.Remove(got.blob.Path)
	}
	if lease, err := f.s.Use(key); err == nil {
		task.Done()
		return lease, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	stack := append([]store.Key{key}, belowKeys(below)...)
	var lower []string
	if below != nil {
		lower = below.Layers
	}
	err = f.unpack(ctx, stack, []int{i}, []registry.Blob{got.blob}, lower, false, task)
	if err != nil {
		return nil, err
	}
	task.Done()
	return f.s.Use(key)
}

func belowKeys(below *store.Lease) []store.Key {
	if below == nil {
		return nil
	}
	return below.Node.Stack
}

// unpack makes one node of layers, which lie in one folder.
func (f *fetcher) unpack(ctx context.Context, stack []store.Key, which []int, blobs []registry.Blob, lower []string, flat bool, task *progress.Task) error {
	t, err := f.s.Temp()
	if err != nil {
		return err
	}
	defer t.Close()
	const name = "node"
	dest, err := t.NodeDir(name)
	if err != nil {
		return err
	}
	var layers []worker.Layer
	for n, i := range which {
		layers = append(layers, worker.Layer{
			Blob: blobs[n].Path, Offset: blobs[n].Offset, Size: blobs[n].Size, Dest: dest, Flat: flat, Lower: lower, DiffID: f.img.Layers[i].DiffID,
		})
	}
	task.Phase("unpacking")
	task.Total(sum(layers))
	limits := f.p.o.Settings.LayerLimits
	before, current, told := int64(0), 0, int64(0)
	done, err := f.v.files.Unpack(ctx, layers, worker.Limits{Bytes: limits.Size, Files: limits.Files}, func(layer int, read int64) {
		if layer != current {
			before, current = before+layers[current].Size, layer
		}
		task.Add(before + read - told)
		told = before + read
	})
	if err != nil {
		return err
	}
	node := store.Node{Stack: stack, Created: time.Now()}
	skipped := 0
	for _, u := range done {
		node.Size, node.Files, skipped = node.Size+u.Bytes, node.Files+u.Files, skipped+u.Skipped
	}
	if !flat && done[0].Opaque {
		node.Stack = stack[:1]
	}
	if skipped > 0 {
		f.p.progress().Message(fmt.Sprintf("%d device nodes of the image are left out: only root can make them, and a container has its own /dev", skipped))
	}
	return f.s.Adopt(t, name, node)
}

func sum(layers []worker.Layer) (bytes int64) {
	for _, l := range layers {
		bytes += l.Size
	}
	return bytes
}

// oneFolder makes one node of all layers.
func (f *fetcher) oneFolder(ctx context.Context) (*store.Lease, error) {
	chain := ""
	var which []int
	var waiting []<-chan download
	for i, layer := range f.img.Layers {
		chain, which = store.Chain(chain, layer.DiffID), append(which, i)
	}
	key := store.LayerKey(chain)
	if lease, err := f.s.Use(key); err == nil {
		return lease, nil
	}
	unlock, err := f.s.Lock(ctx, filepath.Base(string(key)), nil)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var tasks []*progress.Task
	for i := range f.img.Layers {
		tasks = append(tasks, f.task(i))
		waiting = append(waiting, f.start(ctx, i, tasks[i]))
	}
	var blobs []registry.Blob
	for i, coming := range waiting {
		got := <-coming
		if got.err != nil {
			return nil, got.err
		}
		if got.blob.Temporary {
			defer os.Remove(got.blob.Path)
		}
		blobs = append(blobs, got.blob)
		tasks[i].Done()
	}
	task := f.p.progress().Task("all layers, into one folder")
	if err := f.unpack(ctx, []store.Key{key}, which, blobs, nil, true, task); err != nil {
		task.Drop()
		return nil, err
	}
	task.Done()
	return f.s.Use(key)
}
