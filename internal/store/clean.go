package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// CleanOptions say what Clean takes away besides what nothing refers to.
type CleanOptions struct {
	Unused  bool          // images and builds that were not used for AtLeast
	AtLeast time.Duration // 0: all that does not run
	DryRun  bool          // only say what it would be
}

// Removed is something that Clean has taken away, or would.
type Removed struct {
	What string // "image", "build", "layer", "download", "log", "half made"
	Name string
	Size int64 // bytes on disk; of an image 0: its layers are counted by themselves
}

// Clean takes away what nothing refers to (layers without an image, unfinished
// downloads, half-made things of dead processes) and, if it is asked for, what
// was not used. What runs, and what it lies on, stays.
func (s *Store) Clean(ctx context.Context, o CleanOptions) (list []Removed, err error) {
	err = s.takeAway(ctx, func(c *cleaner) error {
		c.o = o
		err := c.all()
		list = c.list
		return err
	})
	return list, err
}

// takeAway does f with the store locked, and removes what it took.
func (s *Store) takeAway(ctx context.Context, f func(c *cleaner) error) error {
	t, err := s.openTrash(ctx)
	if err != nil {
		return err
	}
	err = s.locked(unix.LOCK_EX, func() error { return f(&cleaner{s: s, now: time.Now(), trash: t}) })
	return errors.Join(err, t.remove(ctx))
}

// Sweep takes away what dead processes left half made. It is done before
// something is made. What it can't remove, say because the caller's ids were
// other ones then, it leaves; the error is about that.
func (s *Store) Sweep(ctx context.Context) error {
	var dead []*Temp
	err := s.locked(unix.LOCK_EX, func() error {
		c := cleaner{s: s}
		var err error
		dead, err = c.dead()
		return err
	})
	for _, t := range dead {
		err = errors.Join(err, t.remove(ctx))
	}
	return err
}

// cleaner is one Clean, with the store locked.
type cleaner struct {
	s     *Store
	maps  []*Store // one for each id mapping
	o     CleanOptions
	now   time.Time
	trash *Temp
	list  []Removed
}

func (c *cleaner) all() error {
	dirs, err := filepath.Glob(filepath.Join(c.s.path, "ids", "*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		c.maps = append(c.maps, &Store{path: c.s.path, ids: dir})
	}
	kept := make([]map[Key]bool, len(c.maps))
	nodes := make([]map[Key]found, len(c.maps))
	for i, m := range c.maps {
		if nodes[i], err = m.nodes(); err != nil {
			return err
		}
		kept[i] = c.wanted(m, nodes[i])
	}
	tops, err := c.images(kept)
	if err != nil {
		return err
	}
	for i, m := range c.maps {
		if c.s.OwnOnly && m.ids != c.s.ids {
			continue
		}
		if err := c.unwanted(m, nodes[i], kept[i], tops); err != nil {
			return err
		}
	}
	return c.leftovers()
}

// wanted are the nodes of one mapping that are there for builds, or run, with all
// that they lie on.
func (c *cleaner) wanted(m *Store, nodes map[Key]found) map[Key]bool {
	kept := map[Key]bool{}
	for key, n := range nodes {
		if n.kind() == Builds && !n.damaged && !c.old(n.used) || m.inUse(key) {
			for _, k := range n.Stack {
				kept[k] = true
			}
		}
	}
	return kept
}

// unwanted takes away the nodes of one mapping that neither are wanted nor belong
// to an image that stays.
func (c *cleaner) unwanted(m *Store, nodes map[Key]found, kept, tops map[Key]bool) error {
	for key, n := range nodes {
		if tops[key] {
			for _, k := range n.Stack {
				kept[k] = true
			}
		}
	}
	for key, n := range nodes {
		if kept[key] {
			continue
		}
		what, name := "layer", short(key)
		if n.kind() == Builds {
			what, name = "build", n.Container+" "+name+" ("+n.Project+")"
		}
		if err := c.take(what, name, m.dir(key), n.Size); err != nil {
			return err
		}
	}
	return nil
}

// short is a key as lists show it.
func short(key Key) string {
	name := path.Base(string(key))
	return name[:min(12, len(name))]
}

// old says whether something that was used last at t is unused.
func (c *cleaner) old(t time.Time) bool { return c.o.Unused && c.now.Sub(t) >= c.o.AtLeast }

// images takes those away that are not used, and gives the top nodes of others. One
// whose layers are kept stays: its name is what the user, or a recipe, knows it by.
func (c *cleaner) images(kept []map[Key]bool) (tops map[Key]bool, err error) {
	images, paths, err := c.s.images()
	if err != nil {
		return nil, err
	}
	tops = map[Key]bool{}
	for i, image := range images {
		needed := slices.ContainsFunc(kept, func(m map[Key]bool) bool { return m[image.Top] })
		if !c.old(image.LastUsed) || needed {
			tops[image.Top] = true
		} else if err := c.take("image", image.Ref, paths[i], 0); err != nil {
			return nil, err
		}
	}
	return tops, nil
}

// inUse says whether anybody holds a lease on the node.
func (s *Store) inUse(key Key) bool {
	hold, err := os.OpenFile(s.dir(key), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer hold.Close()
	return flock(hold, unix.LOCK_EX|unix.LOCK_NB) != nil
}

// found is a node and when it was used last.
type found struct {
	Node
	used    time.Time
	damaged bool
}

func (f found) kind() string { return path.Dir(string(f.Stack[0])) }

// nodes finds all nodes of this mapping. One whose description can't be read is
// one that nothing refers to.
func (s *Store) nodes() (map[Key]found, error) {
	out := map[Key]found{}
	for _, kind := range []string{Layers, Builds} {
		entries, err := os.ReadDir(filepath.Join(s.ids, kind))
		if err != nil {
			return nil, fmt.Errorf("cannot list the store: %w", err)
		}
		for _, e := range entries {
			key := Key(kind + "/" + e.Name())
			n := found{}
			if n.Node, err = s.node(key); err != nil {
				n.Node, n.damaged = Node{Stack: []Key{key}}, true
			}
			if info, err := os.Stat(filepath.Join(s.dir(key), nodeFile)); err == nil {
				n.used = info.ModTime()
			}
			out[key] = n
		}
	}
	return out, nil
}

// take moves something away, and lists it.
func (c *cleaner) take(what, name, path string, size int64) error {
	c.list = append(c.list, Removed{What: what, Name: name, Size: size})
	if c.o.DryRun {
		return nil
	}
	// Who was killed may have left something here.
	to := filepath.Join(c.trash.Path, fmt.Sprintf("%d-%d", time.Now().UnixNano(), len(c.list)))
	if err := os.Rename(path, to); err != nil {
		return fmt.Errorf("cannot remove %s %s: %w", what, name, err)
	}
	return nil
}
