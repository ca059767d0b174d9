// Package janitor removes what a run keeps outside its namespaces (cgroups,
// sockets, folders). It is the same binary, executed again as a small process
// that outlives a killed supervisor by milliseconds, or until a scope is there that
// systemd was asked for; the supervisor itself and every later start use the same
// functions for what a killed janitor left.
//
// A run writes each thing into the journal of its run folder before it makes
// it. Like the stage, the janitor runs from a package initialiser and imports
// neither os nor fmt.
package janitor

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Argv0 is the whole argument vector of a janitor.
const Argv0 = "lanyard-janitor"

// A janitor's descriptors besides 0 to 2, which are /dev/null.
const (
	PipeFD    = 3 // what comes through it says what to do, see Scope; at its end the supervisor is gone
	ProgramFD = 4 // this program, for a Lookout only
)

// Names of the files in a run folder.
const (
	JournalFile = "journal"
	LockFile    = "lock"
)

func init() {
	// Every start comes by here, and a stage's most of all: what says that this
	// is no janitor goes first, and what costs least.
	if syscall.Getpid() != 1 && isPipe(PipeFD) && linux.IsCommandLine(Argv0) {
		linux.SetName(Argv0)
		rest()
		text, err := linux.ReadAll(PipeFD, 2*syscall.PathMax)
		folder, scope := told(string(text))
		code := 0
		if err != nil || Tidy(folder) != nil {
			code = 1
		}
		enter(scope)
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
		}
	}
}

// rest gives back what only the start needed, once the run that is starting has
// no use for the processor any more: a janitor waits for a long time.
func rest() {
	over := []linux.PollFd{{Fd: PipeFD}} // no events: only its end counts
	n, err := linux.Retry(func() (int, error) { return linux.Poll(over, linux.TrimAfter) })
	if n == 0 && err == nil {
		_ = linux.Trim() // else it takes more memory than it had to
	}
}

// Tidy removes a run that is over, as Clean does, once nobody holds its lock.
// The janitor is there before the folder, so there may be none yet, or one
// without a lock; then nobody else will make it.
func Tidy(folder string) error {
	lock, err := syscall.Open(folder+"/"+LockFile, syscall.O_RDWR|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err == nil {
		defer syscall.Close(lock)
		// Its holder is a supervisor in its last moment, or a sweep.
		_, err = linux.Retry(func() (int, error) { return 0, syscall.Flock(lock, syscall.LOCK_EX) })
	}
	if err != nil && err != syscall.ENOENT {
		return err
	}
	return Clean(folder)
}

func isPipe(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFIFO
}
