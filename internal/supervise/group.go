package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"golang.org/x/sys/unix"
)

func (s *service) limits() cgroup.Limits {
	limits := cgroup.Limits{Memory: s.config.Memory, Swap: s.config.Memory, CPUs: s.config.CPUs}
	if s.noSwap {
		limits.Swap = nil
	}
	return limits
}

func (s *service) groupName() string { return "harpoon/" + s.options.ID }

// planGroup looks where the container's cgroup can be, and makes nothing. Where
// this host or user has none, a container without limits runs without, and its
// figures come from /proc.
func (s *service) planGroup() error {
	place := s.run.Place()
	if err := place.Refused(); err != nil {
		return s.withoutGroup(err)
	}
	if place.Kind == cgroup.Scope {
		s.scope = cgroup.ScopeName("harpoon-", s.options.ID)
		s.run.ScopeName(s.scope)
		return nil
	}
	group, err := cgroup.PlanMeasured(place.Base(), s.groupName(), s.limits())
	if err == nil {
		err = usable(group)
	}
	if err != nil {
		return s.withoutGroup(err)
	}
	s.group = group
	return nil
}

// usable says whether this user may make the group, before anything of it is
// noted: what nobody of ours could make, nobody of ours could remove.
func usable(g *cgroup.Group) error {
	for _, folder := range g.Shared() {
		err := writable(folder)
		if errors.Is(err, unix.ENOENT) { // or another supervisor has just removed it, as the last one
			folder = filepath.Dir(folder)
			err = writable(folder)
		}
		if err != nil {
			return &cgroup.UnsupportedError{
				Limit: "memory or cpu", Why: fmt.Sprintf("uid %d may not use this host's cgroups (write to %s: %v)", os.Geteuid(), folder, err),
			}
		}
	}
	return nil
}

func writable(folder string) error {
	return unix.Faccessat(unix.AT_FDCWD, folder, unix.W_OK, unix.AT_EACCESS)
}

// groupClaims are the names of the cgroup that no other supervisor may have. A
// scope's folder is not known yet, but every user has only one of a name.
func (s *service) groupClaims() []container.Entry {
	switch {
	case s.scope != "":
		return []container.Entry{{Kind: janitor.HeldEntry, Path: "/sys/fs/cgroup/" + s.scope}}
	case s.group != nil:
		return container.CgroupEntries(s.group)
	}
	return nil
}

// withoutGroup decides whether the container can do without its cgroup.
func (s *service) withoutGroup(err error) error {
	s.group = nil
	var unsupported *cgroup.UnsupportedError
	switch {
	case !errors.As(err, &unsupported):
		return err
	case s.config.Memory != nil || s.config.CPUs != nil:
		limit := unsupported.Limit
		if limit == "" {
			limit = "memory or cpu"
		}
		advice := "take resources.mem and resources.cpu out of agent.json"
		if os.Geteuid() != 0 {
			advice = "run as root, or " + advice
		}
		return fmt.Errorf("cannot limit %s: %s; %s", limit, unsupported.Why, advice)
	}
	s.say("warning: figures from /proc instead of a cgroup (shared memory counts for each process, kills for want of memory are not counted): " + unsupported.Why)
	return nil
}

// takeOver makes way for the cgroup: it removes one that a dead supervisor left,
// and starts the scope where there is to be one. refused says that a live one has
// it; err is why the container can't be started.
func (s *service) takeOver() (refused, err error) {
	if s.group == nil && s.scope == "" {
		return nil, nil
	}
	base, err := s.run.Base()
	var busy *cgroup.BusyError
	if errors.As(err, &busy) {
		return s.busy(err), nil
	}
	if s.joinsScope() {
		s.init.Close()
	}
	if err == nil && s.group == nil {
		s.group, err = cgroup.PlanMeasured(base, s.groupName(), s.limits())
	}
	if err != nil {
		return nil, s.withoutGroup(err)
	}
	if err := s.checkName(); err != nil {
		return err, nil
	}
	if err := s.group.TakeOver(); err != nil {
		return s.busy(err), nil
	}
	return s.run.Note(container.CgroupEntries(s.group)...), nil
}

// createGroup makes the group. Where the kernel counts no swap, memory is limited
// without it: agent.json has no word for swap that could be taken out.
func (s *service) createGroup() error {
	err := s.group.Create()
	var lacking *cgroup.UnsupportedError
	if !errors.As(err, &lacking) || lacking.Limit != "swap" {
		return err
	}
	base, err := s.run.Base()
	if err != nil {
		return err
	}
	s.noSwap = true
	if s.group, err = cgroup.PlanMeasured(base, s.groupName(), s.limits()); err != nil {
		return err
	}
	s.say("warning: memory is limited, but not swap: " + lacking.Why)
	return s.group.Create()
}

// joinsScope says that we have to be in a scope before we clone what enters a cgroup
// there, as an ordinary user has to.
func (s *service) joinsScope() bool { return s.scope != "" && os.Geteuid() != 0 }

func (s *service) busy(err error) error {
	return fmt.Errorf("cannot supervise %s: %w", s.options.ID, err)
}

// checkName refuses an ID that is a file of the kernel's in every cgroup, such
// as tasks: nothing could be made there, and nothing removed.
func (s *service) checkName() error {
	for _, folder := range s.group.Shared() {
		for _, parent := range []string{folder, filepath.Dir(folder)} {
			if st, err := os.Lstat(filepath.Join(parent, s.options.ID)); err == nil && !st.IsDir() {
				return fmt.Errorf("--ID %q is the name of a file that the kernel has in every cgroup; choose another", s.options.ID)
			}
		}
	}
	return nil
}

// removeGroup removes the cgroup and whatever is still in it.
func (s *service) removeGroup() {
	if s.group != nil {
		_ = s.group.Remove() // what stays is in the journal, for the janitor
	}
}
