package container

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// startJanitor starts the process that removes the run's things once we are gone.
func (r *Run) startJanitor(folder string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	if _, err := write.WriteString(folder); err != nil {
		write.Close()
		return err
	}
	pid, err := spawnJanitor([]*os.File{null, null, null, read})
	if err != nil {
		write.Close()
		return fmt.Errorf("cannot start the janitor: %w", err)
	}
	r.pipe, r.janitor = write, pid
	return nil
}

// expectScope tells the janitor what scope it is going to be in, see janitor.Scope.
func (r *Run) expectScope(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.pipe.WriteString(janitor.Scope(name)); err != nil {
		return fmt.Errorf("the janitor of this run is gone: %w", err)
	}
	return nil
}

// spawnJanitor starts the janitor's lookout, or where that is not to be had the
// janitor itself. It must outlive us: no parent-death signal, a session of its own.
func spawnJanitor(files []*os.File) (int, error) {
	sys := &syscall.SysProcAttr{Setsid: true}
	if pid, err := spawnLookout(files, sys); err == nil {
		return pid, nil
	}
	return spawn(self(), janitor.Argv0, files, sys)
}

func spawnLookout(files []*os.File, sys *syscall.SysProcAttr) (int, error) {
	fd, err := janitor.Lookout()
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	path, high, err := executable(fd)
	if err != nil {
		return 0, err
	}
	defer unix.Close(high)
	own, err := os.OpenFile(self(), unix.O_PATH, 0)
	if err != nil {
		return 0, err
	}
	defer own.Close()
	return spawn(path, janitor.Argv0, append(files, own), sys)
}

// dismiss removes everything and ends the janitor, which does the rest if we are
// killed meanwhile, and tries it all again if we could not.
func (r *Run) dismiss(folder string) error {
	r.disown()
	err := janitor.Clean(folder)
	if err == nil {
		_ = syscall.Kill(r.janitor, syscall.SIGKILL)
	}
	for _, f := range []*os.File{r.journal, r.lock, r.pipe} {
		if f != nil {
			f.Close()
		}
	}
	r.journal, r.lock, r.pipe = nil, nil, nil
	if status := r.reapJanitor(); status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	return err
}

// disown takes us out of the lock file: who meets a holder of the lock from here on
// meets somebody who cleans up. The janitor stays in it, for wake.
func (r *Run) disown() {
	if r.lock != nil {
		text := "\n" + identityOf(r.janitor)
		_, _ = r.lock.WriteAt([]byte(text), 0) // shorter than what is there
		_ = r.lock.Truncate(int64(len(text)))
	}
}

// janitorTime bounds how long an orderly end waits for a janitor that has to try
// again, which may wait some seconds for the processes of a cgroup.
const janitorTime = 15 * time.Second

// reapJanitor waits for the janitor, also for one that somebody has stopped.
func (r *Run) reapJanitor() (status syscall.WaitStatus) {
	_ = syscall.Kill(r.janitor, syscall.SIGCONT)
	overdue := time.AfterFunc(janitorTime, func() { _ = syscall.Kill(r.janitor, syscall.SIGKILL) })
	defer overdue.Stop()
	_, _ = linux.Retry(func() (int, error) { return syscall.Wait4(r.janitor, &status, 0, nil) })
	return status
}
