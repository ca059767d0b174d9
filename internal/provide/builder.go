package provide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/recipe"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// builder makes one version of one recipe.
type builder struct {
	p    *Provider
	s    *store.Store
	v    *view
	c    *plan.Container
	task *progress.Task

	version string       // of the recipe, when it was begun
	base    *store.Lease // what it starts from; nil for nothing
	config  store.Config

	// Valid between begin and end:
	temp *store.Temp
	fs   string // what the recipe makes
	flat bool   // fs is the whole root; else it lies over base, as overlayfs has it
	log  *os.File

	named bool // a message names the log
}

// node is the name of what is made in temp.
const node = "node"

// make builds a recipe that is not built, or again, with nobody else doing it.
func (b *builder) make(ctx context.Context, key store.Key, force bool) (*store.Lease, error) {
	waited := false
	unlock, err := b.s.Lock(ctx, lockName(key), func() {
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
	var lease *store.Lease
	err = b.begin(ctx, key)
	if err == nil {
		err = b.steps(ctx)
	}
	if err == nil {
		lease, err = b.adopt(ctx, key, force)
	}
	b.end()
	return lease, err
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
	if b.flat && b.base != nil && len(b.base.Layers) > 1 {
		return fmt.Errorf("the store %s was made on another kind of filesystem; remove it, or write store: FOLDER in the settings", b.s.Path())
	}
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

// end removes what was begun, and a log that nobody was told of.
func (b *builder) end() {
	if b.temp != nil {
		_ = b.temp.Close() // what stays is removed by the next who builds
	}
	if b.log != nil {
		b.log.Close()
		if !b.named {
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
		before := b.logSize()
		err := b.step(ctx, step)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("%s:%d:%d: !%s: %w%s", step.Pos.File, step.Pos.Line, step.Pos.Column, step.Kind, err, b.logged(step.Kind, before))
		}
	}
	return nil
}

func (b *builder) step(ctx context.Context, step *plan.Step) error {
	switch step.Kind {
	case plan.StepDebian:
		return b.debian(ctx, step)
	case plan.StepEnv:
		for _, v := range step.Env {
			b.config.BuildEnv = append(b.config.BuildEnv, v.Name+"="+v.Value)
		}
		return nil
	case plan.StepInstall:
		return b.install(ctx, step.Packages)
	case plan.StepSh:
		return b.run(ctx, []string{"/bin/sh", "-exc", "--", step.Script}, nil)
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

// adopt puts what was made into the store, and gives a lease on it.
func (b *builder) adopt(ctx context.Context, key store.Key, force bool) (*store.Lease, error) {
	b.task.Phase("keeping it")
	// The steps have read files of the project after their version was taken. Files
	// of what it starts from count too, as they are now.
	version, err := recipe.Version(b.p.o.Plan, b.c, nil)
	if err != nil {
		return nil, err
	}
	if version != b.version {
		return nil, errors.New("the files that its recipe names changed while it was built; start it again")
	}
	// What overlayfs needed while it was written to.
	if err := b.v.files.Remove(ctx, b.work()); err != nil {
		return nil, err
	}
	size, files, err := b.v.files.Measure(ctx, b.fs)
	if err != nil {
		return nil, err
	}
	n := store.Node{Stack: []store.Key{key}, Size: size, Files: files, Created: time.Now(), Container: b.c.Name, Project: b.p.o.Plan.Root, Config: b.config}
	if b.base != nil && !b.flat {
		n.Stack = append(n.Stack, b.base.Node.Stack...)
	}
	if force {
		if err := b.s.Retire(ctx, key); err != nil {
			return nil, err
		}
	}
	return b.s.Adopt(b.temp, node, n)
}
