package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// interruptedError is a signal that ended lanyard while a root was made.
type interruptedError struct{ code int } // 128 + n

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted by signal %d", e.code-128)
}

// Interrupted gives 128 + n if err is that signal n ended what lanyard was doing.
func Interrupted(err error) (code int, ok bool) {
	var signalled *interruptedError
	if errors.As(err, &signalled) {
		return signalled.code, true
	}
	return 0, false
}

// provider gives the roots of this run's containers.
func (s *session) provider() *provide.Provider {
	if s.roots == nil {
		o := s.options
		s.roots = provide.New(provide.Options{
			Plan: o.Plan, Settings: o.Settings, Getenv: os.Getenv, Engine: container.NewEngine(s.run), Files: hostFiles(), NoBuild: o.NoBuild,
			Progress: func() *progress.Progress {
				s.reported = true
				return newProgress(o.Progress)
			},
		})
	}
	return s.roots
}

// newProgress reports on stderr what takes its time before a command starts.
func newProgress(mode progress.Mode) *progress.Progress {
	if mode == "" {
		mode = progress.Choose(progress.IsTerminal(os.Stderr), os.Getenv)
	}
	return progress.New(os.Stderr, mode, progress.Width(os.Stderr))
}

// root gives a container's root; what is not there is fetched or built first,
// which a signal that ends lanyard ends: an interruptedError. Nothing of that is
// left on the screen, where messages may follow.
func (s *session) root(c *plan.Container, u *container.UserNS) (root provide.Root, err error) {
	defer s.provider().Ready()
	err = s.interruptible(func(ctx context.Context) error {
		root, err = s.provider().Root(ctx, c, u)
		return err
	})
	return root, err
}

// interruptible does f, which ends soon after its context, and ends that when a
// signal ends lanyard: an interruptedError.
func (s *session) interruptible(f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case sig := <-s.signals:
			if code := s.ended(sig); code != 0 {
				cancel()
				<-done
				return &interruptedError{code}
			}
		}
	}
}

// ended gives 128 + n if signal n ends lanyard while no command runs, and stops it
// for TSTP.
func (s *session) ended(sig os.Signal) int {
	switch number := sig.(syscall.Signal); number {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP:
		return 128 + int(number)
	case syscall.SIGTSTP:
		selfStop{}.Suspend()
	}
	return 0
}

// withUser gives p the user that its image names, unless the project file says
// who it is.
func withUser(p *plan.Process, root provide.Root, groups bool) (*plan.Process, error) {
	if root.Config.User == "" || p.UserID != nil {
		return p, nil
	}
	user, err := root.User(root.Config.User)
	if err != nil {
		return nil, fmt.Errorf("%w; write user-id: NUMBER for %s", err, p.Name)
	}
	q := *p
	q.UserID = &user.UID
	if q.GroupID == nil {
		q.GroupID = &user.GID
	}
	if groups && q.SupplementaryGIDs == nil {
		q.SupplementaryGIDs = user.Groups
	}
	return &q, nil
}

// imageCommand is what an image runs by itself: its entrypoint, with the user's
// words, else with its own.
func imageCommand(c store.Config, words []string) ([]string, error) {
	if len(words) == 0 {
		words = c.Cmd
	}
	argv := slices.Concat(c.Entrypoint, words)
	if len(argv) == 0 {
		return nil, errors.New("its image does not say what it runs; write run: with a program")
	}
	return argv, nil
}

// envVars splits an image's NAME=VALUE.
func envVars(list []string) (vars []plan.EnvVar) {
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			vars = append(vars, plan.EnvVar{Name: name, Value: value})
		}
	}
	return vars
}
