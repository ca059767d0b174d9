package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/opencontainers/cgroups"
	cgfs "github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"
)

// Group is the cgroup of one container: a folder in each hierarchy that its
// limits need (v1), or one folder (v2). The limits stand on that folder and the
// command enters one below it, which is the root of its cgroup namespace: root
// may mount its cgroup in a user namespace of its own and write to its files
// (cgroup_namespaces(7)), so those must not be the ones that limit it.
type Group struct {
	limits Limits
	paths  map[string]string // controller to folder; "" is v2's key
}

// Plan says which folders a container's limits need, without making any, so
// that they can be written down first. name is relative to the hierarchies'
// roots, e.g. "lanyard-RUN/web".
func Plan(name string, limits Limits) (*Group, error) {
	g := &Group{limits: limits, paths: map[string]string{}}
	if cgroups.IsCgroup2UnifiedMode() {
		g.paths[""] = filepath.Join("/sys/fs/cgroup", name)
		return g, nil
	}
	for _, controller := range limits.controllers() {
		root, err := cgroups.FindCgroupMountpoint("", controller)
		if err != nil {
			return nil, &UnsupportedError{Limit: controller, Why: "this host has no " + controller + " cgroup controller mounted"}
		}
		g.paths[controller] = filepath.Join(root, name)
	}
	return g, nil
}

// inner is the name of the folder that the command enters.
const inner = "command"

// Folders gives every folder that Create makes, parents first.
func (g *Group) Folders() []string {
	var list []string
	for _, path := range g.paths {
		list = append(list, filepath.Dir(path), path, filepath.Join(path, inner))
	}
	return list
}

// manager is what v1 and v2 have in common.
type manager interface {
	Apply(pid int) error
	Set(r *cgroups.Resources) error
	OOMKillCount() (uint64, error)
}

func (g *Group) manager() (manager, error) {
	config := &cgroups.Cgroup{Resources: g.limits.resources()}
	if path, ok := g.paths[""]; ok {
		return fs2.NewManager(config, path)
	}
	return cgfs.NewManager(config, g.paths)
}

// Create makes the folders and sets the limits. An *UnsupportedError says that
// this host or user can't; what was made is removed again.
func (g *Group) Create() error {
	m, err := g.manager()
	if err == nil {
		if err = m.Apply(-1); err == nil {
			err = m.Set(g.limits.resources())
		}
	}
	for _, path := range g.paths {
		if err == nil {
			err = os.Mkdir(filepath.Join(path, inner), 0o755)
		}
	}
	if err == nil {
		return nil
	}
	_ = g.Remove()
	what := strings.Join(g.limits.controllers(), ", ")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "read-only") {
		return &UnsupportedError{Limit: what, Why: fmt.Sprintf("uid %d may not use this host's cgroups (%v)", os.Geteuid(), err)}
	}
	return fmt.Errorf("cannot limit %s: %w", what, err)
}

// Open gives the files that a process writes "0" into to enter the group.
func (g *Group) Open() ([]*os.File, error) {
	var files []*os.File
	for _, path := range g.paths {
		f, err := os.OpenFile(filepath.Join(path, inner, "cgroup.procs"), os.O_WRONLY, 0)
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// OOMKills counts the processes of the group that the kernel killed because
// memory ran out (memory.oom_control since Linux 4.13, memory.events). known
// is false where the group has no memory controller.
func (g *Group) OOMKills() (n uint64, known bool) {
	if g.limits.Memory == nil {
		return 0, false
	}
	counted := g
	if path, v1 := g.paths["memory"]; v1 {
		// v1 counts a kill where its victim was, and not in the folders above
		// (Linux mm/memcontrol.c, memcg_memory_event).
		counted = &Group{limits: g.limits, paths: map[string]string{"memory": filepath.Join(path, inner)}}
	}
	m, err := counted.manager()
	if err != nil {
		return 0, false
	}
	n, err = m.OOMKillCount()
	return n, err == nil
}

// Remove kills whatever is still in the group and removes it. The folder that
// it shares with the run's other containers stays: one of them may be about to
// make its own in there. It goes with the run.
func (g *Group) Remove() error {
	var first error
	for _, path := range g.paths {
		for _, folder := range []string{filepath.Join(path, inner), path} {
			if err := janitor.RemoveCgroup(folder); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}
