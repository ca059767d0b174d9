package run

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// tmpSize is the size of a container's /tmp, vagga's.
const tmpSize = 100 << 20

// mounts gives the volumes of container and process, the process's winning
// target by target, with the default /tmp and /run below them. Parents come
// before children, /tmp and /run before all.
func (s *session) mounts(from *plan.Container, p *plan.Process, ids *container.UserNS) ([]rootfs.Mount, error) {
	byTarget := map[string]rootfs.Mount{
		"/tmp": {Kind: rootfs.Tmpfs, Target: "/tmp", Size: tmpSize, Mode: 0o1777},
		"/run": {Kind: rootfs.Tmpfs, Target: "/run", Mode: 0o755},
	}
	for _, v := range merge(from.Volumes, p.Volumes) {
		m, err := s.mount(&v, p, ids)
		if err != nil {
			return nil, fmt.Errorf("volume %s (%s:%d:%d): %w", v.Target, v.Pos.File, v.Pos.Line, v.Pos.Column, err)
		}
		byTarget[v.Target] = m
	}
	// These two stand where they are written, so they come first: a link of the
	// root's may lead another target into them.
	list := []rootfs.Mount{byTarget["/tmp"], byTarget["/run"]}
	for _, target := range slices.Sorted(maps.Keys(byTarget)) {
		if target != "/tmp" && target != "/run" {
			list = append(list, byTarget[target])
		}
	}
	return list, nil
}

// merge gives the volumes of both, in the order of their targets, so that
// every run fills them in the same one.
func merge(of, over []plan.Volume) []plan.Volume {
	byTarget := map[string]plan.Volume{}
	for _, v := range append(slices.Clone(of), over...) {
		byTarget[v.Target] = v
	}
	var list []plan.Volume
	for _, target := range slices.Sorted(maps.Keys(byTarget)) {
		list = append(list, byTarget[target])
	}
	return list
}

func (s *session) mount(v *plan.Volume, p *plan.Process, ids *container.UserNS) (rootfs.Mount, error) {
	m := rootfs.Mount{Target: v.Target, UID: -1, GID: -1}
	var err error
	switch v.Kind {
	case plan.Tmpfs:
		m.Kind, m.Size, m.Mode = rootfs.Tmpfs, uint64(v.Size), v.Mode
		for _, d := range v.Dirs {
			m.Dirs = append(m.Dirs, rootfs.Entry{Path: d.Path, Mode: d.Mode})
		}
		for _, f := range v.Files {
			m.Files = append(m.Files, rootfs.Entry{Path: f.Path, Mode: 0o644, Content: f.Content})
		}
	case plan.Empty:
		m.Kind, m.Size, m.Mode, m.ReadOnly = rootfs.Tmpfs, 4096, 0o755, true
	case plan.BindRW, plan.BindRO:
		m.Kind, m.ReadOnly = rootfs.Bind, v.Kind == plan.BindRO
		m.Source, m.Inside, err = s.bindSource(v)
	case plan.Persistent:
		m.Kind, m.Source = rootfs.Bind, s.options.Plan.Root
		m.Inside, err = s.persistent(v, p, ids)
	case plan.Snapshot:
		m.Kind, m.Size = rootfs.Copy, uint64(v.Size)
		if v.OwnerUID != nil {
			m.UID = int64(*v.OwnerUID)
		}
		if v.OwnerGID != nil {
			m.GID = int64(*v.OwnerGID)
		}
		if v.From != "" {
			root, err := s.root(s.options.Plan.Containers[v.From], ids)
			if err != nil {
				return m, err
			}
			m.Source, m.Layers = root.Path, root.Layers
		}
	case plan.ContainerFS:
		root, err := s.root(s.options.Plan.Containers[v.From], ids)
		if err != nil {
			return m, err
		}
		m.Kind, m.Source, m.Layers, m.ReadOnly = rootfs.Bind, root.Path, root.Layers, true
		if root.Kind == rootfs.Host {
			m.Kind = rootfs.HostTree
		}
	case plan.CacheDir:
		m.Kind = rootfs.Bind
		m.Source, err = s.provider().Cache(v.Name, ids)
	default:
		err = fmt.Errorf("internal error: no mount for a volume !%s", v.Kind)
	}
	return m, err
}

// bindSource finds what a bind's source names: something in the project, or in
// a folder of the user's settings. It has to exist, and to lie there.
func (s *session) bindSource(v *plan.Volume) (source, inside string, err error) {
	rest, ok := strings.CutPrefix(v.Source, "/volumes/")
	if !ok {
		source = s.options.Plan.Root
		inside = strings.TrimPrefix(strings.TrimPrefix(v.Source, "/work"), "/")
	} else {
		var name string
		name, inside, _ = strings.Cut(rest, "/")
		source, ok = s.options.Settings.ExternalVolumes[name]
		if !ok {
			known := slices.Sorted(maps.Keys(s.options.Settings.ExternalVolumes))
			return "", "", fmt.Errorf("source %s: no external volume is called %q; add it to external-volumes in %s (there are: %s)",
				v.Source, name, plan.SettingsPath(os.Getenv), firstOf(strings.Join(known, ", "), "none"))
		}
	}
	if _, err := os.Stat(filepath.Join(source, inside)); err != nil {
		return "", "", fmt.Errorf("source %s: %w; create it first", v.Source, err)
	}
	return source, inside, nil
}
