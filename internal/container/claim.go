package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"golang.org/x/sys/unix"
)

// claimDead is how long Claim waits for a run that is over, whose janitor may wait
// 5 s for the processes of a cgroup.
const claimDead = 6 * time.Second

// claimAlive is how long it waits for one that is alive, because a process is still
// seen for a moment after kill -9. Tests on a slow machine make that longer.
var claimAlive = 300 * time.Millisecond

// TakenError says that another run has what a Claim wants.
type TakenError struct {
	PID  int    // the supervisor; 0 if it is gone and what it left can't be removed in time
	Path string // what it has
}

func (e *TakenError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s still belongs to a run that is ending; try again in a few seconds", e.Path)
	}
	return fmt.Sprintf("%s is already run by process %d; stop that one first", e.Path, e.PID)
}

// Claim reserves things with names that another run could want too: a socket at
// a fixed path, a cgroup with a fixed name. While another run has one of the
// paths in its journal it is a *TakenError if that run lives; what a dead one
// left is removed first, for which Claim waits 6 seconds at most. After that no
// janitor and no sweep of an older run touches these paths.
//
// Nothing is removed for a claim alone: what stands there may be a live one's of
// another program, which is found out next. Note the entries once that is clear,
// before the things are made. The paths are compared as text, so they have to be
// free of symlinks. Entries of DirEntry are shared and never taken.
func (r *Run) Claim(entries ...Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := time.Now()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		folder, path, err := r.tryClaim(entries)
		if err != nil || folder == "" {
			return err
		}
		over, pid, err := makeWay(folder)
		if err != nil {
			return fmt.Errorf("cannot take over %s from a run that is over: %w; remove by hand what is in the way, see %s", path, err, folder)
		}
		if over {
			continue
		}
		waited := time.Since(begun)
		if pid != 0 && waited > claimAlive || waited > claimDead {
			return &TakenError{PID: pid, Path: path}
		}
		time.Sleep(wait)
	}
}

// tryClaim holds the paths of entries unless another run has noted one of their paths: then
// it gives that run's folder and the path.
func (r *Run) tryClaim(entries []Entry) (folder, path string, err error) {
	base, err := lockBase(r.base)
	if err != nil {
		return "", "", fmt.Errorf("cannot open the folder of the run folders %s: %w", r.base, err)
	}
	defer base.Close()
	names, err := base.Readdirnames(-1)
	if err != nil {
		return "", "", fmt.Errorf("cannot list the run folders in %s: %w", r.base, err)
	}
	for _, name := range names {
		if name == r.id {
			continue
		}
		folder := filepath.Join(r.base, name)
		noted, err := janitor.Noted(folder)
		if err != nil {
			return "", "", err
		}
		for _, e := range entries {
			if e.Kind != janitor.DirEntry && slices.Contains(noted, e.Path) {
				return folder, e.Path, nil
			}
		}
	}
	if r.folder == "" {
		if err := r.openIn(); err != nil {
			return "", "", fmt.Errorf("cannot make the run folder in %s: %w", r.base, err)
		}
	}
	var held []Entry
	for _, e := range entries {
		if e.Kind != janitor.DirEntry {
			held = append(held, Entry{janitor.HeldEntry, e.Path})
		}
	}
	return "", "", r.write(held)
}

// makeWay removes what a dead run left. over says that it is gone; else somebody
// holds its lock: its supervisor, whose pid it gives, or whoever cleans up.
func makeWay(folder string) (over bool, pid int, err error) {
	lock, err := os.OpenFile(filepath.Join(folder, janitor.LockFile), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if os.IsNotExist(err) {
		return false, 0, nil // it is being removed
	}
	if err != nil {
		return false, 0, err
	}
	defer lock.Close()
	if flock(lock, unix.LOCK_EX|unix.LOCK_NB) == nil {
		defer wake(lock)
		return true, 0, janitor.Clean(folder)
	}
	supervisor, _ := holders(lock)
	return false, aliveOf(supervisor), nil
}

// holders are the two lines of a lock file: the identities of its supervisor and
// of its janitor.
func holders(lock *os.File) (supervisor, cleaner string) {
	buf := make([]byte, 128)
	n, _ := lock.ReadAt(buf, 0)
	supervisor, cleaner, _ = strings.Cut(string(buf[:n]), "\n")
	return supervisor, cleaner
}

// wake continues the janitor of a run that is over, which ends by itself then:
// somebody may have stopped it, and nobody else knows of it any more.
func wake(lock *os.File) {
	_, cleaner := holders(lock)
	if pid := aliveOf(cleaner); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

// identityOf is what a lock file says of a process: the pid, and when it was
// started (in clock ticks after boot), which no later process of that pid shares.
func identityOf(pid int) string {
	return fmt.Sprintf("%d %s\n", pid, startOf(pid))
}

// aliveOf gives the pid in an identity if that very process lives, and is not on its
// way out, else 0.
func aliveOf(identity string) int {
	var pid int
	var begun string
	if n, _ := fmt.Sscanf(identity, "%d %s", &pid, &begun); n != 2 || isEnding(pid) || startOf(pid) != begun {
		return 0
	}
	return pid
}
