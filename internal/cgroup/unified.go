package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs2"
)

// createUnified is Create on v2, from the base down.
func (g *Group) createUnified(path string) error {
	folder := g.base.folder
	for name := range strings.SplitSeq(g.name, "/") {
		if err := enable(folder); err != nil {
			return err
		}
		folder = filepath.Join(folder, name)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := g.lacking(path); err != nil {
		return err
	}
	if err := g.countSwap(); err != nil {
		return err
	}
	m, err := fs2.NewManager(&cgroups.Cgroup{Resources: g.resources()}, path)
	if err != nil {
		return err
	}
	if err := m.Set(g.resources()); err != nil {
		return err
	}
	if err := g.weigh(); err != nil {
		return err
	}
	if err := g.killTogether(path); err != nil {
		return err
	}
	return g.makeEntered()
}

// lacking is an *UnsupportedError if the group has got no controller for one of
// its limits.
func (g *Group) lacking(path string) error {
	have, err := wordsOf(path, controllersFile)
	if err != nil {
		return err
	}
	needed := g.limits.names()
	if g.measured {
		needed = append(needed, "memory")
	}
	lacking := without(needed, have)
	if len(lacking) == 0 {
		return nil
	}
	return &UnsupportedError{Limit: lacking[0], Why: few(g.base.folder, have, lacking[:1]).Error()}
}

// killTogether has want of memory end a container as a whole, instead of leaving
// it with one process less (cgroup-v2.rst, memory.oom.group). A measured group's
// clients are told of each process.
func (g *Group) killTogether(path string) error {
	if g.measured || g.limits.Memory == nil {
		return nil
	}
	err := os.WriteFile(filepath.Join(path, "memory.oom.group"), []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // before Linux 4.19 there is none
	}
	return err
}
