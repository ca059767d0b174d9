package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Store is one user's store, seen with one id mapping.
type Store struct {
	path string
	ids  string // folder of this mapping

	// Remove removes trees that may hold files of any mapped id.
	Remove func(ctx context.Context, paths ...string) error
	// OwnOnly: Remove can't remove files of other mappings, so Clean leaves them.
	OwnOnly bool
}

// DefaultPath is $XDG_DATA_HOME/lanyard, else $HOME/.local/share/lanyard. A
// relative XDG_DATA_HOME is ignored, as its specification demands.
func DefaultPath(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lanyard"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "lanyard"), nil
	}
	return "", errors.New("there is no place for images: neither XDG_DATA_HOME nor HOME is set; set one, or write store: FOLDER in the settings")
}

// Open opens the store at path, an absolute path, and makes it if need be. ids
// names the id mapping, in letters, digits and dashes. The folder must be the
// caller's and nobody else's to write to: what runs comes from it.
func Open(path, ids string) (*Store, error) {
	s := &Store{path: path, ids: filepath.Join(path, "ids", ids)}
	s.Remove = func(_ context.Context, paths ...string) error { return removeAll(paths) }
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, s.unmade(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, s.unmade(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, s.unmade(&os.PathError{Op: "stat", Path: path, Err: err})
	}
	if int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return nil, fmt.Errorf("the store %s belongs to uid %d with mode %04o; it must be yours alone: chown it and chmod go-w, or write store: FOLDER in the settings", path, st.Uid, st.Mode&0o7777)
	}
	for _, dir := range []string{"locks", "blobs", "images", "logs", "tmp", "tmp/" + trash} {
		if err := s.folder(filepath.Join(path, dir), 0o700); err != nil {
			return nil, s.unmade(err)
		}
	}
	for _, dir := range []string{Layers, Builds, "caches"} {
		if err := s.folder(filepath.Join(s.ids, dir), 0o755); err != nil {
			return nil, s.unmade(err)
		}
	}
	return s, nil
}

// folder makes a folder of the store, which may be read-only: images that are in
// it can be used.
func (s *Store) folder(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil && !errors.Is(err, unix.EROFS) {
		return err
	}
	return nil
}

func (s *Store) unmade(err error) error {
	return fmt.Errorf("cannot make the store for images: %w; make it, or write store: FOLDER in the settings", err)
}

// Path is the store's folder.
func (s *Store) Path() string { return s.path }

// Blobs is the folder of downloads.
func (s *Store) Blobs() string { return filepath.Join(s.path, "blobs") }

// Cache gives a folder that is kept under name, which must be a plain file name,
// and makes it if need be.
func (s *Store) Cache(name string) (string, error) {
	dir := filepath.Join(s.ids, "caches", name)
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		err = os.Chmod(dir, 0o755) // it is a folder of containers, whatever the caller's umask is
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("cannot make the cache %s: %w", name, err)
	}
	return dir, nil
}

// Log makes a file for what is made; who makes it removes it if nobody needs it.
// Clean leaves it alone until it is closed.
func (s *Store) Log(name string) (*os.File, error) {
	// Other programs write to it too, each at its end.
	f, err := os.OpenFile(filepath.Join(s.path, "logs", name), os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot make the log: %w", err)
	}
	if err := flock(f, unix.LOCK_SH); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock the log: %w", err)
	}
	return f, nil
}

// locked does f while the store's lock is held: unix.LOCK_SH or LOCK_EX.
func (s *Store) locked(how int, f func() error) error {
	path := filepath.Join(s.path, "lock")
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, unix.EROFS) && how == unix.LOCK_SH {
		lock, err = os.Open(path) // a read-only store can be used, and nobody changes it
	}
	if err != nil {
		return fmt.Errorf("cannot lock the store: %w", err)
	}
	defer lock.Close()
	if err := flock(lock, how); err != nil {
		return fmt.Errorf("cannot lock the store %s: %w", s.path, err)
	}
	return f()
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}

// lockPoll is how often a lock that another process holds is tried.
const lockPoll = 50 * time.Millisecond

// Lock waits until nobody else makes name, or ctx is over. waiting, if it is not
// nil, is called once when somebody else does. The lock ends with its release or
// with the process.
func (s *Store) Lock(ctx context.Context, name string, waiting func()) (release func(), err error) {
	path := filepath.Join(s.path, "locks", name)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("cannot lock %s: %w", name, err)
		}
		switch err := flock(f, unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil && sameFile(f, path):
			// Removed while it is held: who waits for it opens another one.
			return func() { _ = os.Remove(path); f.Close() }, nil
		case err == nil:
			f.Close() // its last holder has removed it meanwhile
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		f.Close()
		if waiting != nil {
			waiting()
			waiting = nil
		}
		if !pause(ctx) {
			return nil, ctx.Err()
		}
	}
}

// pause waits before a lock is tried again; it says whether ctx is still on.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(lockPoll):
		return true
	}
}

func sameFile(f *os.File, path string) bool {
	held, err := f.Stat()
	there, err2 := os.Lstat(path)
	return err == nil && err2 == nil && os.SameFile(held, there)
}

// removeAll removes trees, also folders that their modes forbid to enter.
func removeAll(paths []string) error {
	var first error
	for _, path := range paths {
		err := os.RemoveAll(path)
		if errors.Is(err, syscall.EACCES) {
			_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					_ = os.Chmod(p, 0o700)
				}
				return nil
			})
			err = os.RemoveAll(path)
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}
