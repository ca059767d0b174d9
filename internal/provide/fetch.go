package provide

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/registry"
	"github.com/lanyard-dev/lanyard/internal/store"
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
		return nil, store.Config{}, fmt.Errorf("image %s was not fetched, and --no-build says not to do it; run: lanyard _build", ref)
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
	if len(img.Layers) == 1 {
		task.Phase("1 layer")
	} else {
		task.Phase(fmt.Sprintf("%d layers", len(img.Layers)))
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
