package cgroup

import (
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/opencontainers/cgroups"
)

// uncounted says that the kernel counts no swap, so that a folder of the memory
// controller has nothing to limit it by; nil if it has.
func uncounted(folder string, v2 bool) *linux.Obstacle {
	file := "memory.memsw.limit_in_bytes"
	if v2 {
		file = "memory.swap.max"
	}
	if exists(filepath.Join(folder, file)) {
		return nil
	}
	return &linux.Obstacle{
		Why: "this kernel counts no swap (no " + file + ")",
		Fix: "swapaccount=1 on the kernel's command line", // Linux Documentation/admin-guide/kernel-parameters.txt
	}
}

// countSwap is an *UnsupportedError if the group is to limit swap and can't.
func (g *Group) countSwap() error {
	if g.limits.Swap == nil {
		return nil
	}
	folder, v2 := g.paths[""]
	if !v2 {
		folder = g.paths["memory"]
	}
	if o := uncounted(folder, v2); o != nil {
		return &UnsupportedError{Limit: "swap", Why: o.Error()}
	}
	return nil
}

// CountsNoSwap says that no group in a place can limit swap; nil where one can, and
// where it can't be known before there are groups.
func (p *Place) CountsNoSwap() *linux.Obstacle {
	folder := p.Folder
	switch p.Kind {
	case None:
		return nil
	case Hierarchies:
		root, err := cgroups.FindCgroupMountpoint("", "memory")
		if err != nil {
			return nil
		}
		return uncounted(root, false)
	case Scope:
		folder = managerAbove(os.Geteuid())
	}
	// The root cgroup has no limits itself, but those below it.
	below, _ := filepath.Glob(folder + "/*/memory.max")
	for _, limit := range append([]string{folder + "/memory.max"}, below...) {
		if exists(limit) {
			return uncounted(filepath.Dir(limit), true)
		}
	}
	return nil
}
