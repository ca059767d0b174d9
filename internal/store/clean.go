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
	var trash *Temp
	if !o.DryRun {
		if trash, err = s.Temp(); err != nil {
			return nil, err
		}
		defer func() {
			if err2 := trash.Close(); err == nil {
				err = err2
			}
		}()
	}
	err = s.locked(unix.LOCK_EX, func() error {
		c := cleaner{s: s, o: o, now: time.Now(), trash: trash}
		err := c.all()
		list = c.list
		return err
	})
	return list, err
}

// Sweep takes away what dead processes left half made. It is done before
// something is made.
func (s *Store) Sweep(ctx context.Context) error {
	var dead []*Temp
	err := s.locked(unix.LOCK_EX, func() error {
		c := cleaner{s: s}
		var err error
		dead, err = c.dead()
		return err
	})
	for _, t := range dead {
		if err2 := t.Close(); err == nil {
			err = err2
		}
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
	moved int
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
		if n.kind() == Builds && !c.old(n.used) || m.inUse(key) {
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
		what, name := "layer", filepath.Base(string(key))[:12]
		if n.kind() == Builds {
			what, name = "build", n.Container+" "+name+" ("+n.Project+")"
		}
		if err := c.take(what, name, m.dir(key), n.Size); err != nil {
			return err
		}
	}
	return nil
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
	used time.Time
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
				n.Node = Node{Stack: []Key{key}}
			}
			if info, err := os.Stat(filepath.Join(s.dir(key), nodeFile)); err == nil {
				n.used = info.ModTime()
			}
			out[key] = n
		}
	}
	return out, nil
}

// leftovers takes away what was downloaded or begun by nobody who lives.
func (c *cleaner) leftovers() error {
	blobs, err := os.ReadDir(c.s.Blobs())
	if err != nil {
		return fmt.Errorf("cannot list the store: %w", err)
	}
	logs, err := os.ReadDir(filepath.Join(c.s.path, "logs"))
	if err != nil {
		return fmt.Errorf("cannot list the store: %w", err)
	}
	for _, e := range logs {
		path := filepath.Join(c.s.path, "logs", e.Name())
		if err := c.take("log", e.Name(), path, size(path)); err != nil {
			return err
		}
	}
	for _, e := range blobs {
		path := filepath.Join(c.s.Blobs(), e.Name())
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if flock(f, unix.LOCK_EX|unix.LOCK_NB) == nil {
			size := int64(0)
			if info, err := f.Stat(); err == nil {
				size = info.Size()
			}
			err = c.take("download", e.Name(), path, size)
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	dead, err := c.dead()
	if err != nil {
		return err
	}
	for _, t := range dead {
		c.list = append(c.list, Removed{What: "half made", Name: filepath.Base(t.Path), Size: size(t.Path)})
		if !c.o.DryRun {
			err = errors.Join(err, os.Rename(t.Path, filepath.Join(c.trash.Path, filepath.Base(t.Path))))
		}
		t.hold.Close()
	}
	return err
}

// dead locks the half-made things that nobody holds.
func (c *cleaner) dead() ([]*Temp, error) {
	dir := filepath.Join(c.s.path, "tmp")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list the store: %w", err)
	}
	var list []*Temp
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		hold, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if flock(hold, unix.LOCK_EX|unix.LOCK_NB) != nil {
			hold.Close()
			continue
		}
		list = append(list, &Temp{Path: path, s: c.s, hold: hold})
	}
	return list, nil
}

// Retire takes a node away that is about to be made again. It is an error if
// somebody uses it.
func (s *Store) Retire(key Key) error {
	trash, err := s.Temp()
	if err != nil {
		return err
	}
	err = s.locked(unix.LOCK_EX, func() error {
		switch {
		case !s.Has(key):
			return nil
		case s.inUse(key):
			return errors.New("it can't be made again while it runs; stop what runs in it first")
		}
		c := cleaner{s: s, trash: trash}
		return c.take("build", string(key), s.dir(key), 0)
	})
	return errors.Join(err, trash.Close())
}

// take moves something away, and lists it.
func (c *cleaner) take(what, name, path string, size int64) error {
	c.list = append(c.list, Removed{What: what, Name: name, Size: size})
	if c.o.DryRun {
		return nil
	}
	c.moved++
	if err := os.Rename(path, filepath.Join(c.trash.Path, fmt.Sprint(c.moved))); err != nil {
		return fmt.Errorf("cannot remove %s %s: %w", what, name, err)
	}
	return nil
}

// size gives the bytes of the files that the caller can see below path.
func size(path string) int64 {
	var sum int64
	_ = filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
