package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/opencontainers/cgroups"
	cgfs "github.com/opencontainers/cgroups/fs"
)

// Group is the cgroup of one container: a folder in each hierarchy that its
// limits need (v1), or one folder (v2). The limits stand on that folder and the
// command enters one below it, which is the root of its cgroup namespace: root
// may mount its cgroup in a user namespace of its own and write to its files
// (cgroup_namespaces(7)), so those must not be the ones that limit it.
type Group struct {
	base     *Base
	name     string
	limits   Limits
	measured bool              // made for Stats too, in a folder that other runs share
	paths    map[string]string // controller to folder; "" is v2's key

	counters counters
}

// Plan says which folders a container's limits need, without making any, so
// that they can be written down first. name is relative to the base, e.g.
// "lanyard-RUN/web".
func Plan(base *Base, name string, limits Limits) (*Group, error) {
	return plan(&Group{base: base, name: name, limits: limits}, limits.controllers())
}

// PlanMeasured is Plan for a group that also counts what its processes use, see
// Stats, and lives on while they come and go. The folder above it, as "harpoon"
// in "harpoon/ID", may have groups of other runs in it.
func PlanMeasured(base *Base, name string, limits Limits) (*Group, error) {
	controllers := limits.controllers()
	for _, c := range []string{"memory", "cpuacct"} {
		if !slices.Contains(controllers, c) {
			controllers = append(controllers, c)
		}
	}
	return plan(&Group{base: base, name: name, limits: limits, measured: true}, controllers)
}

func plan(g *Group, controllers []string) (*Group, error) {
	g.paths, g.counters.descriptors = map[string]string{}, closed
	if g.base.folder != "" {
		g.paths[""] = filepath.Join(g.base.folder, g.name)
		return g, nil
	}
	for _, controller := range controllers {
		root, err := cgroups.FindCgroupMountpoint("", controller)
		if err != nil {
			return nil, &UnsupportedError{Limit: v2Name(controller), Why: "this host has no " + controller + " cgroup controller mounted"}
		}
		g.paths[controller] = filepath.Join(root, g.name)
	}
	return g, nil
}

// inner is the name of the folder that the command enters.
const inner = "command"

// entered gives the folder that the command enters. For v1 and a fixed name it is
// the folder of that name, where agents look for it: only root may write to its
// files, and the command of such a group is nobody of any right.
func (g *Group) entered(path string) string {
	if _, v2 := g.paths[""]; g.measured && !v2 {
		return path
	}
	return filepath.Join(path, inner)
}

// made are the folders of one hierarchy that are this group's, parents first.
func (g *Group) made(path string) []string {
	return slices.Compact([]string{path, g.entered(path)})
}

// folders are those of the group, each once: v1 controllers may be mounted
// together, as cpu and cpuacct mostly are.
func (g *Group) folders() []string {
	return slices.Compact(slices.Sorted(maps.Values(g.paths)))
}

// Folders gives every folder that Create makes and that is this run's alone,
// parents first.
func (g *Group) Folders() []string {
	var list []string
	for _, path := range g.folders() {
		if !g.measured {
			list = append(list, filepath.Dir(path))
		}
		list = append(list, g.made(path)...)
	}
	return list
}

// Path gives what a runtime-spec calls cgroupsPath: the group's name where that
// is below the roots of the hierarchies, else its absolute path from there.
func (g *Group) Path() string {
	if g.base.folder == "" || g.base.folder == mount {
		return g.name
	}
	return strings.TrimPrefix(g.paths[""], mount)
}

// Shared gives the folders that Create may make and that other runs share: they
// may be removed only when they are empty. A group of Plan has none.
func (g *Group) Shared() []string {
	var list []string
	if g.measured {
		for _, path := range g.folders() {
			list = append(list, filepath.Dir(path))
		}
	}
	return list
}

func (g *Group) resources() *cgroups.Resources {
	r := g.limits.resources()
	if _, v2 := g.paths[""]; v2 && g.measured && r.Memory == 0 {
		r.Memory = -1 // no limit; on v2 it is what brings the controller's files
	}
	return r
}

// Create makes the folders and sets the limits. An *UnsupportedError says that
// this host or user can't; what was made is removed again.
func (g *Group) Create() error {
	err := g.attempt()
	// Another run may just have removed the folder that they share.
	for try := 0; g.measured && isGone(err) && try < 20; try++ {
		err = g.attempt()
	}
	if err == nil {
		return nil
	}
	_ = g.Remove()
	var unsupported *UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return err
	case errors.Is(err, fs.ErrPermission), isGone(err), errors.Is(err, syscall.EROFS):
		return &UnsupportedError{Limit: g.limits.text(), Why: g.refused(err).Error()}
	}
	return fmt.Errorf("cannot limit %s: %w", g.limits.text(), err)
}

func (g *Group) attempt() error {
	err := g.create()
	if err == nil {
		err = g.counters.open(g)
	}
	if absent := g.absent(err); absent != nil {
		return absent
	}
	return err
}

// isGone says whether an error is that of a cgroup which was removed: when it is
// looked for, or when a file of it is used that was opened before (Linux
// fs/kernfs/file.c, kernfs_seq_start).
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV)
}

func (g *Group) create() error {
	path, v2 := g.paths[""]
	if v2 {
		return g.createUnified(path)
	}
	m, err := cgfs.NewManager(&cgroups.Cgroup{Resources: g.resources()}, g.paths)
	if err != nil {
		return err
	}
	if err := m.Apply(-1); err != nil {
		return err
	}
	if err := g.countSwap(); err != nil {
		return err
	}
	if err := m.Set(g.resources()); err != nil {
		return err
	}
	if err := g.weigh(); err != nil {
		return err
	}
	return g.makeEntered()
}

// makeEntered makes the folders that the command enters, as far as they are not
// the limited ones.
func (g *Group) makeEntered() error {
	for _, path := range g.folders() {
		if err := os.Mkdir(g.entered(path), 0o755); err != nil && !(g.measured && errors.Is(err, fs.ErrExist)) {
			return err
		}
	}
	return nil
}

// Open gives the files that a process of one thread writes "0" into to enter the
// group and, on v2, the folder that it can be cloned into instead; else folder
// is nil. It begins a start: kills from before it are not recent to TakeOOM any
// more. dying, which may be nil, says whether the command of this start is on its
// way out; it is called when a kill was counted, and must not call the group.
func (g *Group) Open(dying func() bool) (files []*os.File, folder *os.File, err error) {
	g.counters.begin(dying)
	// A thread that moves itself needs no lock on all the forks of the machine,
	// whose writers wait for an RCU grace period, often 10 ms (Linux
	// kernel/cgroup/cgroup.c, cgroup_procs_write_start).
	file := "tasks"
	path, v2 := g.paths[""]
	if v2 {
		file = "cgroup.procs"
	}
	for _, path := range g.folders() {
		f, e := os.OpenFile(filepath.Join(g.entered(path), file), os.O_WRONLY, 0)
		if e != nil {
			err = e
			break
		}
		files = append(files, f)
	}
	if err == nil && v2 {
		folder, err = os.Open(g.entered(path))
	}
	if err != nil {
		for _, f := range files {
			f.Close()
		}
		return nil, nil, err
	}
	return files, folder, nil
}

// Remove kills whatever is still in the group and removes it; its counters end.
// The folder that it shares with other containers stays: one of them may be
// about to make its own in there. It goes with the run.
func (g *Group) Remove() error {
	g.counters.close()
	var first error
	for _, path := range g.folders() {
		for _, folder := range slices.Backward(g.made(path)) {
			if err := janitor.RemoveCgroup(folder); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}
