package provide

import (
	"context"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/registry"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// Pull fetches the image that a container is, or that its recipe starts from, if
// its name stands for another one by now, and says whether it did. A container
// without an image is none of its business.
func (p *Provider) Pull(ctx context.Context, c *plan.Container, u *container.UserNS) (changed bool, err error) {
	text := p.imageOf(c)
	if text == "" {
		return false, nil
	}
	v := newView(u)
	s, err := p.store(v)
	if err != nil {
		return false, err
	}
	ref, err := registry.Parse(text, p.o.Plan.Root)
	if err != nil {
		return false, err
	}
	stamp, err := ref.Stamp()
	if err != nil {
		return false, err
	}
	if err := p.begin(ctx, s); err != nil {
		return false, err
	}
	platform := p.registry().Platform()
	old, _ := s.Image(ref.String(), platform) // none, if it can't be read
	lease, _, err := p.fetch(ctx, s, v, ref, stamp)
	if err != nil {
		return false, err
	}
	defer lease.Close()
	now, err := s.Image(ref.String(), platform)
	return now.Digest != old.Digest, err
}

// imageOf is the image that a container is, or that its recipe starts from, also
// by way of other containers; "" for none.
func (p *Provider) imageOf(c *plan.Container) string {
	for c.Image == "" && len(c.Setup) > 0 && c.Setup[0].Kind == plan.StepContainer {
		c = p.o.Plan.Containers[c.Setup[0].Base]
	}
	if c.Image != "" || len(c.Setup) == 0 {
		return c.Image
	}
	return c.Setup[0].Image
}

// Clean takes things out of the store, see store.Clean.
func (p *Provider) Clean(ctx context.Context, u *container.UserNS, o store.CleanOptions) ([]store.Removed, error) {
	s, err := p.store(newView(u))
	if err != nil {
		return nil, err
	}
	return s.Clean(ctx, o)
}

// Remove removes path in root, a tree that holds files of any of the ids of u. It
// never leaves root.
func Remove(ctx context.Context, u *container.UserNS, root, path string) error {
	return newView(u).files.RemoveIn(ctx, root, path)
}

// Own gives path in root an owner of the ids of u, see worker.Own.
func Own(ctx context.Context, u *container.UserNS, root, path string, uid, gid int) error {
	return newView(u).files.Own(ctx, root, path, uid, gid)
}
