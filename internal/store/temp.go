package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Temp is a folder of the store for something half made, which is removed when
// its process ends.
type Temp struct {
	Path string
	s    *Store
	hold *os.File
}

// Temp makes a folder for something half made.
func (s *Store) Temp() (t *Temp, err error) {
	err = s.locked(unix.LOCK_SH, func() error {
		path, err := os.MkdirTemp(filepath.Join(s.path, "tmp"), "")
		if err != nil {
			return fmt.Errorf("cannot begin in the store: %w", err)
		}
		hold, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
		if err == nil {
			err = flock(hold, unix.LOCK_EX|unix.LOCK_NB)
		}
		if err != nil {
			os.Remove(path)
			return fmt.Errorf("cannot begin in the store: %w", err)
		}
		t = &Temp{Path: path, s: s, hold: hold}
		return nil
	})
	return t, err
}

// NodeDir makes the folder of a node in t: Adopt moves it into its place. It
// gives the folder for its files, which becomes the root folder of containers,
// so its mode is not the caller's umask's to decide.
func (t *Temp) NodeDir(name string) (string, error) {
	dir := filepath.Join(t.Path, name, fsDir)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	}
	if err != nil {
		return "", fmt.Errorf("cannot begin in the store: %w", err)
	}
	return dir, nil
}

// Close removes the folder and what is left in it.
func (t *Temp) Close() error { return t.remove(context.Background()) }

// remove is Close until ctx is over; the next Sweep removes the rest.
func (t *Temp) remove(ctx context.Context) error {
	err := t.s.Remove(ctx, t.Path)
	t.hold.Close()
	return err
}

// trash is the folder of tmp that things are moved to before they are removed.
// Open makes it, so that a disk that is full can be cleaned.
const trash = "trash"

// openTrash waits until nobody else takes things away, or ctx is over.
func (s *Store) openTrash(ctx context.Context) (*Temp, error) {
	path := filepath.Join(s.path, "tmp", trash)
	for {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cannot take things out of the store: %w", err)
		}
		hold, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot take things out of the store: %w", err)
		}
		err = flock(hold, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && sameFile(hold, path) {
			return &Temp{Path: path, s: s, hold: hold}, nil
		}
		hold.Close()
		switch {
		case err == nil: // its last holder has removed it meanwhile
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		case !pause(ctx):
			return nil, ctx.Err()
		}
	}
}

// Adopt puts a node, made in t under name, into its place: from then on it is
// there. Where another process was faster, that one's stays. It gives a lease on
// what is there.
func (s *Store) Adopt(t *Temp, name string, node Node) (l *Lease, err error) {
	from, key := filepath.Join(t.Path, name), node.Stack[0]
	if err := writeJSON(filepath.Join(from, nodeFile), node); err != nil {
		return nil, err
	}
	// A node that is there is whole, after a power cut too: its files are on the disk
	// before its name is. Without the lock, because it may take long.
	if err := unix.Syncfs(int(t.hold.Fd())); err != nil {
		return nil, fmt.Errorf("cannot write %s to the disk: %w", key, err)
	}
	err = s.locked(unix.LOCK_EX, func() error {
		for _, below := range node.Stack[1:] {
			if !s.Has(below) {
				return fmt.Errorf("cannot keep %s: %s, which it lies on, was removed meanwhile; start again", key, below)
			}
		}
		if !s.Has(key) { // a damaged one may be in its place
			err := os.Rename(s.dir(key), filepath.Join(t.Path, "damaged"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("cannot take the damaged %s out of the store: %w", key, err)
			}
		}
		// A folder that is not empty is never replaced (rename(2)).
		err := os.Rename(from, s.dir(key))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cannot put %s into its place in the store: %w", key, err)
		}
		l, err = s.use(key)
		return err
	})
	return l, err
}
