package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/seccomp"
)

// maxProfile bounds a profile's file, in bytes.
const maxProfile = 1 << 20

// secure says what a command may do besides reading and writing its files.
func (s *session) secure(spec *container.Spec, from *plan.Container, p *plan.Process) error {
	own := p.Security.Over(from.Security)
	on := func(key *bool) bool { return key != nil && *key }
	st := &spec.Stage
	st.NoNewPrivs = st.NoNewPrivs || on(own.NoNewPrivileges)
	st.Scoped = !on(own.AbstractSockets)
	st.OwnKeyring = own.Seccomp != "" && own.Seccomp != plan.SeccompDefault
	st.Root.Nesting = on(own.Nesting)
	var err error
	if st.Filter, err = s.filter(own, filterOptions(spec.UserNS != nil || st.Root.Nesting)); err != nil {
		pos := own.Pos
		return fmt.Errorf("%s:%d:%d: security: seccomp: %w", pos.File, pos.Line, pos.Column, err)
	}
	return nil
}

// filterOptions are those of the default filter. In a user namespace the command
// may make others: it gains nothing by it that its user has not outside.
func filterOptions(nesting bool) seccomp.Options {
	return seccomp.Options{Caps: container.DefaultCaps, Nesting: nesting}
}

func (s *session) filter(own plan.Security, o seccomp.Options) (string, error) {
	switch own.Seccomp {
	case "", plan.SeccompDefault:
		return seccomp.Default(o)
	case plan.SeccompUnconfined:
		return seccomp.Unconfined()
	}
	text, err := readProfile(s.options.Plan.Root, own.Seccomp)
	if err != nil {
		return "", err
	}
	filter, err := seccomp.Custom(text, o)
	if err != nil {
		return "", fmt.Errorf("%s: %w", own.Seccomp, err)
	}
	return filter, nil
}

// readProfile reads a file of the project; links don't lead out of it, and nothing
// is waited for that is no file (fifo(7)).
func readProfile(root, name string) ([]byte, error) {
	project, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer project.Close()
	f, err := project.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a file", name))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxProfile+1))
	if err == nil && len(text) > maxProfile {
		err = fmt.Errorf("%s has more than %d bytes, which no profile has", name, maxProfile)
	}
	return text, err
}
