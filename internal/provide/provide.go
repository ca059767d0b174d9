// Package provide gives a container of a project a root that can be started: a
// folder, the machine's own system, an image or what a recipe makes. What is not
// there yet is fetched or built, once, however many ask for it at a time.
package provide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/image"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/registry"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/store"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// Options are what a Provider works with.
type Options struct {
	Plan     *plan.Plan
	Settings plan.Settings
	Getenv   func(string) string
	Engine   *container.Engine         // runs the steps of recipes
	Files    []rootfs.File             // of the host, that steps see: name resolution
	Progress func() *progress.Progress // called once something takes time
	NoBuild  bool                      // what is not there is an error
}

// Root is a root that can be started, until its Provider is closed.
type Root struct {
	image.Root
	Config store.Config // of an image or a recipe
}

// Provider provides the roots of one run. Its methods can be used from any
// goroutine.
type Provider struct {
	o Options

	mu       sync.Mutex
	client   *registry.Client
	ready    map[string]Root // by container and id mapping
	stores   map[string]*store.Store
	versions map[string]string // of recipes, by container
	leases   []*store.Lease
	swept    bool
	reporter *progress.Progress
}

// New gives a provider. It makes nothing yet.
func New(o Options) *Provider {
	return &Provider{o: o, ready: map[string]Root{}, stores: map[string]*store.Store{}, versions: map[string]string{}}
}

// Close gives up everything that was provided.
func (p *Provider) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.leases {
		l.Close()
	}
	p.leases = nil
	if p.client != nil {
		p.client.Close()
	}
	if p.reporter != nil {
		p.reporter.Close()
	}
}

// Ready ends the report of what was fetched and built, if there was any.
func (p *Provider) Ready() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reporter != nil {
		p.reporter.Close()
		p.reporter = nil
	}
}

func (p *Provider) progress() *progress.Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reporter == nil {
		p.reporter = p.o.Progress()
	}
	return p.reporter
}

// Root provides a container's root for the ids of u; nil is no user namespace.
// The error names the container and its place in the file.
func (p *Provider) Root(ctx context.Context, c *plan.Container, u *container.UserNS) (Root, error) {
	root, err := p.root(ctx, c, u)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("container %s (%s:%d:%d): %w", c.Name, c.Pos.File, c.Pos.Line, c.Pos.Column, err)
	}
	return root, err
}

func (p *Provider) root(ctx context.Context, c *plan.Container, u *container.UserNS) (Root, error) {
	switch {
	case c.Host:
		return Root{Root: image.Host()}, nil
	case c.RootFS != "":
		dir := c.RootFS
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(p.o.Plan.Root, dir)
		}
		root, err := image.Folder(dir)
		return Root{Root: root}, err
	}
	v := newView(u)
	key := v.name + " " + c.Name
	p.mu.Lock()
	root, ok := p.ready[key]
	p.mu.Unlock()
	if ok {
		return root, nil
	}
	lease, config, err := p.lease(ctx, c, v, false)
	if err != nil {
		return Root{}, err
	}
	root = Root{Root: image.Layered(lease.Layers), Config: config}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready[key] = root
	p.leases = append(p.leases, lease)
	return root, nil
}

// lease finds or makes what a container's root is.
func (p *Provider) lease(ctx context.Context, c *plan.Container, v *view, force bool) (*store.Lease, store.Config, error) {
	s, err := p.store(v)
	if err != nil {
		return nil, store.Config{}, err
	}
	if c.Image != "" {
		return p.image(ctx, s, v, c.Image)
	}
	return p.build(ctx, s, v, c, force)
}

// view is one id mapping: who unpacks, and what the store calls it.
type view struct {
	name  string
	ids   *container.UserNS
	files *worker.Worker
}

func newView(u *container.UserNS) *view {
	switch {
	case u == nil:
		return &view{"root", nil, worker.New(nil)}
	case u.Own():
		// Whoever the command is inside, the files are the caller's.
		own := container.OwnIDs(0, 0)
		return &view{"own", own, worker.New(own)}
	}
	sum := sha256.Sum256(fmt.Append(nil, u.UIDs, u.GIDs))
	return &view{hex.EncodeToString(sum[:6]), u, worker.New(u)}
}

// Path is the folder of the store that the settings, or the environment, name.
func Path(settings plan.Settings, getenv func(string) string) (string, error) {
	if settings.Store != "" {
		return settings.Store, nil
	}
	return store.DefaultPath(getenv)
}

func (p *Provider) store(v *view) (*store.Store, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.stores[v.name]; s != nil {
		return s, nil
	}
	path, err := Path(p.o.Settings, p.o.Getenv)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(path, v.name)
	if err != nil {
		return nil, err
	}
	s.Remove = v.files.Remove
	p.stores[v.name] = s
	return s, nil
}

// Cache gives the folder that is kept under name for all projects, for the ids
// of u.
func (p *Provider) Cache(name string, u *container.UserNS) (string, error) {
	s, err := p.store(newView(u))
	if err != nil {
		return "", err
	}
	return s.Cache(name)
}

// begin is called before something is made: it removes what others left half
// made, once.
func (p *Provider) begin(ctx context.Context, s *store.Store) error {
	p.mu.Lock()
	swept := p.swept
	p.swept = true
	p.mu.Unlock()
	if swept {
		return nil
	}
	if err := s.Sweep(ctx); err != nil {
		p.progress().Message(fmt.Sprintf("warning: cannot remove what an earlier lanyard left half made: %v", err))
	}
	return ctx.Err()
}
