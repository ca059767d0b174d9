package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/seccomp"
	"github.com/lanyard-dev/lanyard/internal/store"
	"golang.org/x/sys/unix"
)

// MakeOptions say which roots to make before anything needs them.
type MakeOptions struct {
	Plan       *plan.Plan
	Settings   plan.Settings
	Containers []*plan.Container
	Pull       bool // fetch images again: what a tag stands for may have changed
	Force      bool // build again what is built
	Progress   progress.Mode
}

// newSession begins an invocation.
func newSession(o *Options, signals chan os.Signal) *session {
	// Made while roots are looked up.
	go func() { _, _ = seccomp.Default(filterOptions(!container.Privileged())) }()
	return &session{options: o, run: container.NewRun(), signals: signals, volumes: map[string]string{},
		ids: sync.OnceValue(func() ids.Host { return ids.Lookup(os.Geteuid()) })}
}

// Make fetches and builds what containers need, and returns lanyard's exit code.
func Make(o MakeOptions) int {
	s := newSession(&Options{Plan: o.Plan, Settings: o.Settings, Progress: o.Progress}, catchSignals())
	defer s.close()
	for _, c := range o.Containers {
		u, err := s.defaultIDs(c)
		if err == nil {
			err = s.interruptible(func(ctx context.Context) error {
				if o.Pull {
					return s.provider().Pull(ctx, c, u)
				}
				return s.provider().Build(ctx, c, u, o.Force)
			})
		}
		var signalled *interruptedError
		switch {
		case errors.As(err, &signalled):
			return signalled.code
		case err != nil:
			s.provider().Ready()
			return complain(fmt.Errorf("cannot make %s: %w", c.Name, err), ExitNotStarted)
		}
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
	names, err := volumeNames(project)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		free, err := holdVolume(project, name, unix.LOCK_EX)
		if err != nil {
			busy = append(busy, name)
			continue
		}
		removed = append(removed, name)
		if !dryRun {
			err = s.interruptible(func(ctx context.Context) error {
				return provide.Remove(ctx, u, filepath.Join(p.Root, volumePath(name)))
			})
			_ = project.Remove(lockPath(name))
		}
		free.Close()
		if err != nil {
			return removed, busy, err
		}
	}
	return removed, busy, nil
}

// volumeNames lists a project's persistent volumes, sorted.
func volumeNames(project *os.Root) (names []string, err error) {
	dir, err := project.Open(stateDir + "/volumes")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the volumes: %w", err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

// lockPath is the file that is locked, shared, by who uses a volume: the volume
// itself may belong to an id that lanyard can't open it as.
func lockPath(name string) string { return volumePath("." + name + ".use") }

// holdVolume locks a persistent volume.
func holdVolume(project *os.Root, name string, how int) (*os.File, error) {
	f, err := project.OpenFile(lockPath(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
