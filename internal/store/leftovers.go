package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// leftovers takes away what was downloaded, logged or begun by nobody who lives,
// and what can't be read.
func (c *cleaner) leftovers() error {
	for dir, what := range map[string]string{"blobs": "download", "logs": "log"} {
		if err := c.unlocked(dir, func(path string) error { return c.take(what, filepath.Base(path), path, size(path)) }); err != nil {
			return err
		}
	}
	// A lock that nobody holds is nothing that anybody would miss.
	err := c.unlocked("locks", func(path string) error {
		if c.o.DryRun {
			return nil
		}
		return os.Remove(path)
	})
	return errors.Join(err, c.unreadable(), c.halfMade())
}

// unlocked calls take for each file of a folder that nobody has locked; it stays
// locked meanwhile.
func (c *cleaner) unlocked(dir string, take func(path string) error) error {
	entries, err := os.ReadDir(filepath.Join(c.s.path, dir))
	if err != nil {
		return fmt.Errorf("cannot list the store: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(c.s.path, dir, e.Name())
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if flock(f, unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = take(path)
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// unreadable takes away what is no description of an image, or was never
// finished.
func (c *cleaner) unreadable() error {
	dir := filepath.Join(c.s.path, "images")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot list the store: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasSuffix(path, ".json") {
			if _, err := readImage(path); err == nil || os.IsNotExist(err) {
				continue
			}
		}
		if err := c.take("half made", "the description of an image", path, 0); err != nil {
			return err
		}
	}
	return nil
}

// halfMade takes away what was begun by nobody who lives.
func (c *cleaner) halfMade() error {
	dead, err := c.dead()
	for _, t := range dead {
		if err == nil {
			err = c.take("half made", filepath.Base(t.Path), t.Path, size(t.Path))
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
		if inside, err := os.ReadDir(path); e.Name() == trash && err == nil && len(inside) == 0 {
			continue
		}
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
