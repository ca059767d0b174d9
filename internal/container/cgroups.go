package container

import (
	"sync"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
)

// cgroupBase is where a run's cgroups go. It is made ready for the first of
// them; a run without any has none.
type cgroupBase struct {
	place func() cgroup.Place // looked up once
	scope string              // see ScopeName

	once sync.Once
	base *cgroup.Base
	err  error
}

// Place says where the cgroups of this run can go; it makes nothing.
func (r *Run) Place() cgroup.Place { return r.cgroups.place() }

// ScopeName sets the name of the scope that Base starts where systemd runs,
// instead of lanyard-RUN.scope. It is called before Base.
func (r *Run) ScopeName(name string) { r.cgroups.scope = name }

// Base gives the cgroup below which this run makes its own. The first call makes
// it ready, which takes some milliseconds where systemd has to start a scope;
// calls at the same time wait for it. Errors are cgroup.Place.Ready's and those
// of unnoted, and come again at each call.
func (r *Run) Base() (*cgroup.Base, error) {
	b := &r.cgroups
	b.once.Do(func() {
		place := b.place()
		request := cgroup.ScopeRequest{Name: b.scope}
		if place.Kind == cgroup.Scope {
			// The janitor keeps the scope: it has to be there.
			if err := r.Note(); err != nil {
				b.err = unnoted(err)
				return
			}
			request.Member = r.janitor
			request.Expect = r.expectScope
		}
		b.base, b.err = place.Ready(request)
	})
	return b.base, b.err
}

// unnoted is a limit that can't be enforced here, because its cgroup can't be
// noted and would be left behind.
func unnoted(err error) error { return &cgroup.UnsupportedError{Why: err.Error()} }

func (r *Run) cgroupName(child string) string {
	return "lanyard-" + r.id + "/" + child
}

// CgroupEntries are what has to be noted, or claimed, before a group is created.
func CgroupEntries(g *cgroup.Group) []Entry {
	var list []Entry
	for _, path := range g.Shared() {
		list = append(list, Entry{janitor.DirEntry, path})
	}
	for _, path := range g.Folders() {
		list = append(list, Entry{janitor.CgroupEntry, path})
	}
	return list
}
