package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// Hierarchy tells what cgroups this machine has: "v2", "v1", or "hybrid" for v1
// with a v2 that has no controllers, and the controllers, sorted. The version is
// "" where none are mounted.
func Hierarchy() (version string, controllers []string) {
	if !exists(mount) {
		return "", nil
	}
	if cgroups.IsCgroup2UnifiedMode() {
		data, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		return "v2", slices.Sorted(slices.Values(strings.Fields(string(data))))
	}
	known, err := cgroups.GetAllSubsystems() // without named hierarchies, which count nothing
	if err != nil {
		return "", nil
	}
	for _, name := range known {
		if _, err := cgroups.FindCgroupMountpoint("", name); err == nil {
			controllers = append(controllers, name)
		}
	}
	if len(controllers) == 0 {
		return "", nil
	}
	version = "v1"
	if cgroups.IsCgroup2HybridMode() {
		version = "hybrid"
	}
	slices.Sort(controllers)
	return version, controllers
}

// NoneMounted is a host without any cgroups. The folder for them comes with sysfs.
func NoneMounted() *linux.Obstacle {
	o := &linux.Obstacle{Why: "no cgroups are mounted", Fix: "sudo mount -t cgroup2 none " + mount}
	if !exists(mount) {
		o.Fix = "sudo mount -t sysfs none /sys && " + o.Fix
	}
	return o
}

// Refusal says why this process can make no groups in a place; nil if it can.
func (p *Place) Refusal() *linux.Obstacle {
	if p.Kind != Hierarchies {
		return p.Refuse
	}
	for _, controller := range (Limits{Memory: new(int64), CPUs: new(float64), Pids: new(int64)}).controllers() {
		folder, err := cgroups.FindCgroupMountpoint("", controller)
		if err != nil {
			return &linux.Obstacle{Why: "this host has no " + controller + " cgroup controller mounted"}
		}
		if err := writable(folder); err != nil {
			return forbidden(folder, err)
		}
	}
	return nil
}

// forbidden says that nothing can be made in a folder, and what could be done.
func forbidden(folder string, err error) *linux.Obstacle {
	o := &linux.Obstacle{Why: fmt.Sprintf("uid %d may not use this host's cgroups (write to %s: %v)", os.Geteuid(), folder, err)}
	switch {
	case errors.Is(err, unix.EROFS):
		o.Fix = remount(folder)
	case errors.Is(err, fs.ErrPermission) && !cgroups.IsCgroup2UnifiedMode():
		o.Fix = "sudo lanyard …, or a machine with cgroup v2"
		if Booted() {
			o.Fix = "sudo lanyard …, or boot with cgroup v2: systemd.unified_cgroup_hierarchy=1 on the kernel's command line"
		}
	}
	return o
}

// remount is what makes cgroups writable that are mounted read-only, by whomever.
func remount(folder string) string {
	return "sudo mount -o remount,rw " + folder + ", in a container: docker run --privileged …, in a unit of systemd: ProtectControlGroups=no"
}

// refused is forbidden for the first folder of ours that can't be made.
func (g *Group) refused(err error) *linux.Obstacle {
	for _, path := range g.folders() {
		for path = filepath.Dir(path); path != "/"; path = filepath.Dir(path) {
			why := writable(path)
			if errors.Is(why, fs.ErrNotExist) {
				continue
			}
			if why != nil {
				return forbidden(path, why)
			}
			break
		}
	}
	return &linux.Obstacle{Why: fmt.Sprintf("uid %d may not use this host's cgroups (%v)", os.Geteuid(), err)}
}

// absent is an *UnsupportedError if an error is that of a file which this kernel has
// not made in one of our folders, nil if it is another.
func (g *Group) absent(err error) *UnsupportedError {
	var missing *fs.PathError
	if !errors.As(err, &missing) || !errors.Is(missing, fs.ErrNotExist) {
		return nil
	}
	folder, file := filepath.Dir(missing.Path), filepath.Base(missing.Path)
	if !slices.Contains(g.Folders(), folder) || !exists(folder) {
		return nil
	}
	limit, _, _ := strings.Cut(file, ".") // the files of a controller begin with its name
	if !slices.Contains(g.limits.names(), limit) {
		limit = g.limits.text()
	}
	return &UnsupportedError{Limit: limit, Why: "this kernel's cgroups have no " + file}
}
