package container

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"golang.org/x/sys/unix"
)

// Run is what one invocation keeps outside its containers' namespaces. Its
// folder and its janitor come to be with the first thing that is noted; a run
// that needs neither has neither. Methods can be used from any goroutine.
type Run struct {
	base string // folder of the run folders

	mu      sync.Mutex
	id      string
	folder  string   // "" before the first note
	journal *os.File // append only
	lock    *os.File
	pipe    *os.File   // write end: its end wakes the janitor
	janitor int        // pid
	early   chan error // of Begin: the janitor is started, or can't be; nil after that was read

	cgroups cgroupBase
}

// NewRun prepares a run. It makes nothing yet.
func NewRun() *Run {
	var id [6]byte
	_, _ = rand.Read(id[:])
	r := &Run{base: RunBase(), id: hex.EncodeToString(id[:])}
	r.cgroups.place, r.cgroups.scope = sync.OnceValue(cgroup.FindPlace), "lanyard-"+r.id+".scope"
	return r
}

// ID names the run: 12 hexadecimal digits, random.
func (r *Run) ID() string { return r.id }

// Entry is a line of the journal: one of janitor's kinds, and an absolute path.
type Entry struct{ Kind, Path string }

// Begin starts the janitor beside what the caller does before its first note,
// which is going to come. It is called first, if at all.
func (r *Run) Begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	early := make(chan error, 1)
	r.early = early
	go func() { early <- r.startJanitor(filepath.Join(r.base, r.id)) }()
}

// awaitJanitor gives the janitor of Begin, or starts one.
func (r *Run) awaitJanitor(folder string) error {
	if r.early == nil {
		return r.startJanitor(folder)
	}
	err := <-r.early
	r.early = nil
	return err
}

// Note writes down things that are about to be made, so that they are removed
// even after kill -9. The first call makes the run folder and its janitor.
func (r *Run) Note(entries ...Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.folder == "" {
		if err := r.open(); err != nil {
			return fmt.Errorf("cannot make the run folder in %s: %w", r.base, err)
		}
	}
	return r.write(entries)
}

// write appends to the journal, all or nothing: the rest of a line that a full
// disk cut off must not become part of the next one, whose path is removed.
func (r *Run) write(entries []Entry) error {
	text := ""
	for _, e := range entries {
		if strings.ContainsRune(e.Path, '\n') {
			return fmt.Errorf("cannot note %q in the journal of this run: a path with a newline in it; rename the folder", e.Path)
		}
		text += e.Kind + " " + e.Path + "\n"
	}
	info, err := r.journal.Stat()
	if err == nil {
		if _, err = r.journal.WriteString(text); err != nil {
			_ = r.journal.Truncate(info.Size())
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write to the journal of this run: %w", err)
	}
	return nil
}

// open makes the folder, its lock and the janitor. The base is locked meanwhile,
// so that a sweep never sees a folder whose lock is not held yet.
func (r *Run) open() error {
	base, err := lockBase(r.base)
	if err != nil {
		return err
	}
	defer base.Close()
	return r.openIn()
}

// openIn is open with the base locked.
func (r *Run) openIn() (err error) {
	folder := filepath.Join(r.base, r.id)
	// The janitor comes first, so that no moment of a kill leaves the folder.
	if err := r.awaitJanitor(folder); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = r.dismiss(folder)
		}
	}()
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if r.lock, err = os.OpenFile(filepath.Join(folder, janitor.LockFile), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	if err := flock(r.lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if _, err := r.lock.WriteString(identityOf(os.Getpid()) + identityOf(r.janitor)); err != nil {
		return err
	}
	r.journal, err = os.OpenFile(filepath.Join(folder, janitor.JournalFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	r.folder = folder
	return nil
}

// Close ends an orderly run: what is noted is removed, and the janitor is reaped.
// Every container must be gone.
func (r *Run) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	folder := filepath.Join(r.base, r.id)
	if r.folder == "" && (r.early == nil || r.awaitJanitor(folder) != nil) {
		return nil
	}
	err := r.dismiss(folder)
	r.folder = ""
	if base, e := openBase(r.base, false); e == nil {
		removeBase(base, r.base)
		base.Close()
	}
	return err
}

// Sweep removes what runs left whose supervisor and janitor are both dead. A
// folder whose lock is held is not touched.
func Sweep() error { return sweep(RunBase()) }

func sweep(path string) error {
	names, err := runFolders(path)
	var first error
	for _, name := range names {
		if err := sweepFolder(filepath.Join(path, name)); err != nil && first == nil {
			first = err
		}
	}
	return errors.Join(err, first)
}

// runFolders lists the base. It is locked for that moment only, so that every
// folder in the list has its lock: removing what a dead run left may take
// seconds, and whoever starts meanwhile must not wait for it.
func runFolders(path string) ([]string, error) {
	base, err := openBase(path, false)
	if os.IsNotExist(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil, nil // nothing of ours is there; who needs the folder is told
	}
	if err != nil {
		return nil, err
	}
	defer base.Close()
	if err := flockBase(base); err != nil {
		return nil, err
	}
	names, err := base.Readdirnames(-1)
	if os.IsNotExist(err) { // the last run has removed the folder meanwhile
		return nil, nil
	}
	return names, err
}

func sweepFolder(folder string) error {
	lock, err := os.OpenFile(filepath.Join(folder, janitor.LockFile), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if err != nil {
		return janitor.Clean(folder)
	}
	defer lock.Close()
	if flock(lock, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil // somebody lives there
	}
	defer wake(lock)
	return janitor.Clean(folder)
}
