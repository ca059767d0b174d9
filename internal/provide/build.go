package provide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/recipe"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// Build builds a container's recipe, or fetches its image, if that is not there;
// with force also if it is.
func (p *Provider) Build(ctx context.Context, c *plan.Container, u *container.UserNS, force bool) error {
	lease, _, err := p.lease(ctx, c, newView(u), force)
	if err != nil {
		return err
	}
	lease.Close()
	return nil
}

// build provides what a recipe makes: from the store if it is there.
func (p *Provider) build(ctx context.Context, s *store.Store, v *view, c *plan.Container, force bool) (*store.Lease, store.Config, error) {
	version, err := recipe.Version(p.o.Plan, c, p.version)
	if err != nil {
		return nil, store.Config{}, err
	}
	base, config, err := p.base(ctx, s, v, c)
	if err != nil {
		return nil, store.Config{}, err
	}
	defer base.Close()
	key := buildKey(version, base, config)
	if lease, err := s.Use(key); err == nil && !force {
		return lease, lease.Node.Config, nil
	} else if err == nil {
		lease.Close()
		if err := s.Busy(key); err != nil {
			return nil, store.Config{}, err
		}
	}
	if p.o.NoBuild {
		return nil, store.Config{}, fmt.Errorf("its recipe is not built, and --no-build says not to build it; run: lanyard _build %s", c.Name)
	}
	if err := p.begin(ctx, s); err != nil {
		return nil, store.Config{}, err
	}
	task := p.progress().Task("container " + c.Name)
	b := &builder{p: p, s: s, v: v, c: c, task: task, version: version, base: base, config: config}
	lease, err := b.make(ctx, key, force)
	if err != nil {
		task.Drop()
		return nil, store.Config{}, err
	}
	task.Done()
	return lease, lease.Node.Config, nil
}

// version is recipe.Version of containers that others start from, each once.
func (p *Provider) version(c *plan.Container) (string, error) {
	p.mu.Lock()
	known, ok := p.versions[c.Name]
	p.mu.Unlock()
	if ok {
		return known, nil
	}
	version, err := recipe.Version(p.o.Plan, c, p.version)
	if err == nil {
		p.mu.Lock()
		p.versions[c.Name] = version
		p.mu.Unlock()
	}
	return version, err
}

// base provides what a recipe starts from; nil for nothing.
func (p *Provider) base(ctx context.Context, s *store.Store, v *view, c *plan.Container) (*store.Lease, store.Config, error) {
	switch first := &c.Setup[0]; first.Kind {
	case plan.StepContainer:
		return p.lease(ctx, p.o.Plan.Containers[first.Base], v, false)
	case plan.StepImage:
		return p.image(ctx, s, v, first.Image)
	}
	return nil, store.Config{}, nil
}

// buildKey names what a recipe makes of what it starts from: an image of the same
// name that is another one, or says something else of what runs in it, gives
// another build.
func buildKey(version string, base *store.Lease, config store.Config) store.Key {
	if base != nil {
		said, err := json.Marshal(config)
		if err != nil {
			panic(err) // texts only
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", version, base.Key, said))
		version = hex.EncodeToString(sum[:])
	}
	return store.BuildKey(version)
}
