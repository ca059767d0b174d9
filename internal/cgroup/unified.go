package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
// its limits: systemd gives users cpu, memory and pids.
func (g *Group) lacking(path string) error {
	have, err := wordsOf(path, "cgroup.controllers")
	if err != nil {
		return err
	}
	needed := g.limits.names()
	if g.measured {
		needed = append(needed, "memory")
	}
	for _, name := range needed {
		if name != "io" && !slices.Contains(have, name) { // weigh finds out about io
			return &UnsupportedError{Limit: name, Why: fmt.Sprintf(
				"the cgroup %s has no %s controller, only: %s", g.base.folder, name, strings.Join(have, ", "))}
		}
	}
	return nil
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
