package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/store"
	"golang.org/x/sys/unix"
)

// MakeOptions say which roots to make before anything needs them.
type MakeOptions struct {
	Plan       *plan.Plan
	Settings   plan.Settings
	Containers []*plan.Container
	Pull       bool          // fetch images again: what a tag stands for may have changed
	Force      bool          // build again what is built
	Progress   progress.Mode // "" for what stderr is
	// Tell is called for each container whose root is there by now; made says
	// whether it was not before. With Pull it says whether the image is another one.
	Tell func(c *plan.Container, made bool)
}

// newSession begins an invocation.
func newSession(o *Options, signals chan os.Signal) *session {
	return &session{options: o, run: container.NewRun(), signals: signals, volumes: map[string]string{},
		ids: sync.OnceValue(func() ids.Host { return ids.Lookup(os.Geteuid()) })}
}

// Make fetches and builds what containers need, one after the other up to the
// first that can't be made, and returns lanyard's exit code.
func Make(o MakeOptions) int {
	s := newSession(&Options{Plan: o.Plan, Settings: o.Settings, Progress: o.Progress}, catchSignals())
	code := 0
	for _, c := range o.Containers {
		if code = s.make(&o, c); code != 0 {
			break
		}
	}
	s.close()
	if err := s.run.Close(); err != nil {
		complain(fmt.Errorf("cannot remove everything of this run; the next start tries again: %w", err), 0)
	}
	return code
}

// make fetches and builds what one container needs.
func (s *session) make(o *MakeOptions, c *plan.Container) int {
	changed := false
	s.reported = false
	u, err := s.defaultIDs(c)
	if err == nil {
		err = s.interruptible(func(ctx context.Context) (err error) {
			if o.Pull {
				changed, err = s.provider().Pull(ctx, c, u)
				return err
			}
			return s.provider().Build(ctx, c, u, o.Force)
		})
	}
	s.provider().Ready()
	if code, ok := Interrupted(err); ok {
		return code
	}
	switch {
	case err != nil && o.Progress == progress.JSON:
		report := newProgress(progress.JSON)
		report.Task(c.Name).Fail(err)
		report.Close()
		return ExitNotStarted
	case err != nil:
		return complain(fmt.Errorf("cannot make %s: %w", c.Name, err), ExitNotStarted)
	case o.Pull:
		o.Tell(c, changed)
	default:
		o.Tell(c, s.reported)
	}
	return 0
}

// defaultIDs is the user namespace of a command of c that says nothing of ids.
func (s *session) defaultIDs(c *plan.Container) (*container.UserNS, error) {
	return s.mapped(c, &plan.Process{Name: c.Name, Container: c.Name})
}

// idsOf is the user namespace of a process of the plan.
func (s *session) idsOf(p *plan.Process) (*container.UserNS, error) {
	return s.mapped(s.options.Plan.Containers[p.Container], p)
}

func (s *session) mapped(c *plan.Container, p *plan.Process) (*container.UserNS, error) {
	spec := &container.Spec{Name: p.Name}
	err := s.setUser(spec, c, p)
	return spec.UserNS, err
}

// Clean takes things out of the store, see store.Clean.
func Clean(settings plan.Settings, o store.CleanOptions) ([]store.Removed, error) {
	s := newSession(&Options{Plan: &plan.Plan{}, Settings: settings}, catchSignals())
	defer s.close()
	u, err := s.defaultIDs(&plan.Container{})
	if err != nil {
		return nil, err
	}
	var list []store.Removed
	err = s.interruptible(func(ctx context.Context) error {
		list, err = s.provider().Clean(ctx, u, o)
		return err
	})
	return list, err
}

// CleanVolumes removes the persistent volumes of a project that nobody uses, and
// gives their names; busy are those that somebody does. With dryRun nothing is
// removed.
func CleanVolumes(p *plan.Plan, settings plan.Settings, dryRun bool) (removed, busy []string, err error) {
	s := newSession(&Options{Plan: p, Settings: settings}, catchSignals())
	defer s.close()
	u, err := s.defaultIDs(&plan.Container{})
	if err != nil {
		return nil, nil, err
	}
	project, err := os.OpenRoot(p.Root)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open the project: %w", err)
	}
	defer project.Close()
	dir, err := openVolumes(project)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot list the volumes: %w", err)
	}
	defer dir.Close()
	names, err := volumeNames(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot list the volumes: %w", err)
	}
	switch err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
	case nil:
	case unix.EWOULDBLOCK:
		return nil, names, nil
	default:
		return nil, nil, fmt.Errorf("cannot lock the volumes: %w", err)
	}
	for _, name := range names {
		if !dryRun {
			err := s.interruptible(func(ctx context.Context) error { return provide.Remove(ctx, u, p.Root, volumePath(name)) })
			if err != nil {
				return removed, nil, err
			}
		}
		removed = append(removed, name)
	}
	return removed, nil, nil
}

// volumeNames lists persistent volumes, sorted.
func volumeNames(dir *os.File) (names []string, err error) {
	entries, err := dir.ReadDir(-1)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}
