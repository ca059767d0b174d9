package provide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/recipe"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
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
	key := buildKey(version, base)
	if lease, err := s.Use(key); err == nil && !force {
		return lease, lease.Node.Config, nil
	} else if err == nil {
		lease.Close()
	}
	if p.o.NoBuild {
		return nil, store.Config{}, fmt.Errorf("its recipe is not built: %w; run: lanyard _build %s", errNotThere, c.Name)
	}
	if err := p.begin(ctx, s); err != nil {
		return nil, store.Config{}, err
	}
	task := p.progress().Task("container " + c.Name)
	b := &builder{p: p, s: s, v: v, c: c, task: task, base: base, config: config}
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
// name that is another one gives another build.
func buildKey(version string, base *store.Lease) store.Key {
	if base != nil {
		sum := sha256.Sum256([]byte(version + " " + string(base.Key)))
		version = hex.EncodeToString(sum[:])
	}
	return store.BuildKey(version)
}

// builder makes one version of one recipe.
type builder struct {
	p    *Provider
	s    *store.Store
	v    *view
	c    *plan.Container
	task *progress.Task

	base   *store.Lease // what it starts from; nil for nothing
	config store.Config

	// Valid between begin and end:
	temp *store.Temp
	fs   string // what the recipe makes
	flat bool   // fs is the whole root; else it lies over base, as overlayfs has it
	log  *os.File
}

// node is the name of what is made in temp.
const node = "node"

// make builds a recipe that is not built, or again, with nobody else doing it.
func (b *builder) make(ctx context.Context, key store.Key, force bool) (*store.Lease, error) {
	waited := false
	unlock, err := b.s.Lock(ctx, strings.ReplaceAll(string(key), "/", "-"), func() {
		waited = true
		b.task.Phase("waiting for another lanyard that builds it")
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if lease, err := b.s.Use(key); err == nil && (!force || waited) {
		return lease, nil // somebody has made it since we looked
	} else if err == nil {
		lease.Close()
	}
	err = b.begin(ctx, key)
	if err == nil {
		err = b.steps(ctx)
	}
	if err == nil {
		err = b.adopt(ctx, key, force)
	}
	b.end(err == nil)
	if err != nil {
		return nil, err
	}
	return b.s.Use(key)
}

func (b *builder) begin(ctx context.Context, key store.Key) error {
	var err error
	if b.temp, err = b.s.Temp(); err != nil {
		return err
	}
	if b.fs, err = b.temp.NodeDir(node); err != nil {
		return err
	}
	can, err := b.v.files.CanOverlay(ctx, b.temp.Path)
	if err != nil {
		return err
	}
	b.flat = !can
	// What overlayfs works in; and a /tmp that lasts over all steps, and is no part
	// of the result.
	err = errors.Join(os.Mkdir(b.work(), 0o755), os.Mkdir(b.tmp(), 0o777), os.Chmod(b.tmp(), 0o777|os.ModeSticky))
	if err != nil {
		return fmt.Errorf("cannot begin a build: %w", err)
	}
	if b.flat && b.base != nil {
		b.task.Phase("copying what it starts from")
		if err := b.v.files.CopyTree(ctx, b.base.Layers[0], b.fs); err != nil {
			return err
		}
	}
	b.log, err = b.s.Log(b.c.Name + "-" + filepath.Base(string(key))[:12] + ".log")
	return err
}

// end removes what was begun, and the log of what went well.
func (b *builder) end(well bool) {
	if b.temp != nil {
		_ = b.temp.Close() // what stays is removed by the next who builds
	}
	if b.log != nil {
		b.log.Close()
		if well {
			os.Remove(b.log.Name())
		}
	}
}

// steps carries the recipe out.
func (b *builder) steps(ctx context.Context) error {
	steps := b.c.Setup
	for i := range steps {
		step := &steps[i]
		text := recipe.Describe(step)
		b.task.Phase(text)
		fmt.Fprintf(b.log, "### %s\n", text)
		err := b.step(ctx, step)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("%s:%d:%d: !%s: %w%s", step.Pos.File, step.Pos.Line, step.Pos.Column, step.Kind, err, b.logged())
		}
	}
	return nil
}

// lastLines is how much of a log an error shows, in lines and in bytes.
const lastLines, lastBytes = 15, 8 << 10

// logged gives the end of the log, and where it is.
func (b *builder) logged() string {
	data, err := os.ReadFile(b.log.Name())
	if err != nil || len(data) == 0 {
		return ""
	}
	if len(data) > lastBytes {
		data = data[len(data)-lastBytes:]
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(lines) > lastLines {
		lines = lines[len(lines)-lastLines:]
	}
	return "\n  " + strings.Join(lines, "\n  ") + "\nthe whole log is " + b.log.Name()
}

func (b *builder) step(ctx context.Context, step *plan.Step) error {
	switch step.Kind {
	case plan.StepDebian:
		return b.debian(ctx, step)
	case plan.StepEnv:
		for _, v := range step.Env {
			b.config.Env = append(b.config.Env, v.Name+"="+v.Value)
		}
		return nil
	case plan.StepInstall:
		return b.install(ctx, step.Packages)
	case plan.StepSh:
		return b.run(ctx, []string{"/bin/sh", "-exc", step.Script}, nil)
	case plan.StepCmd:
		return b.run(ctx, step.Argv, nil)
	case plan.StepContainer, plan.StepImage, plan.StepDepends, plan.StepCacheDirs:
		return nil // there already, counted for the version, or for what runs
	}
	return b.change(ctx, step)
}

// work is where overlayfs works while fs is written to.
func (b *builder) work() string { return filepath.Join(filepath.Dir(b.fs), "work") }

// tmp is the /tmp of all steps.
func (b *builder) tmp() string { return filepath.Join(b.temp.Path, "tmp") }

// root is the root under construction.
func (b *builder) root() rootfs.Spec {
	root := rootfs.Spec{Kind: rootfs.Dir, UserNS: b.v.ids != nil, Project: b.p.o.Plan.Root, Console: -1}
	switch {
	case b.flat:
		root.Path, root.InPlace = b.fs, true
	case b.base != nil:
		root.Layers, root.Upper = b.base.Layers, filepath.Dir(b.fs)
	default:
		root.Layers, root.Upper = []string{b.emptyLayer()}, filepath.Dir(b.fs)
	}
	return root
}

// emptyLayer is what a recipe that starts from nothing lies on: an overlay has
// at least one folder below.
func (b *builder) emptyLayer() string {
	dir := filepath.Join(b.temp.Path, "empty")
	_ = os.MkdirAll(dir, 0o755) // what mounts it says what is wrong
	return dir
}

// adopt puts what was made into the store.
func (b *builder) adopt(ctx context.Context, key store.Key, force bool) error {
	b.task.Phase("keeping it")
	// What overlayfs needed while it was written to.
	if err := b.v.files.Remove(ctx, b.work()); err != nil {
		return err
	}
	size, files, err := b.v.files.Measure(ctx, b.fs)
	if err != nil {
		return err
	}
	n := store.Node{Stack: []store.Key{key}, Size: size, Files: files, Created: time.Now(), Container: b.c.Name, Project: b.p.o.Plan.Root, Config: b.config}
	if b.base != nil && !b.flat {
		n.Stack = append(n.Stack, b.base.Node.Stack...)
	}
	if force {
		if err := b.s.Retire(key); err != nil {
			return err
		}
	}
	return b.s.Adopt(b.temp, node, n)
}

// environment is what programs of a recipe get: nothing of the caller's but
// proxies.
func (b *builder) environment(more []string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb"}
	for _, name := range []string{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"} {
		if value := b.p.o.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return lastOfEach(append(append(env, b.config.Env...), more...))
}

// lastOfEach keeps the last value of each variable, where the first one stood.
func lastOfEach(env []string) []string {
	at := map[string]int{}
	var out []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if i, ok := at[name]; ok {
			out[i] = entry
			continue
		}
		at[name] = len(out)
		out = append(out, entry)
	}
	return out
}

var errNoProgram = errors.New("no program to install packages with was found: apt-get, apk, dnf, microdnf, zypper or pacman; write the command for this system as a step, !Sh")
