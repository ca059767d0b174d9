package stage

import "github.com/lanyard-dev/lanyard/internal/linux"

// What the keeper is told besides the command's pid.
const (
	keeperTells = 1 << iota // of stops, see Spec.JobControl
	keeperWaits             // at the end, see Spec.Siblings
)

// settle has the keeper take the stage's place, once its start is over and nothing
// is to be done: a program of half a kilobyte that does what is left, instead of
// Go's runtime with its threads and 0.8 MB for each container (docs/adr/0023). Where
// that is not to be had the stage goes on, and gives back what it can.
func (s *server) settle() {
	s.mu.Lock() // the reaper's thread ends with the execution; it has taken nothing that it has not told
	defer s.mu.Unlock()
	var flags uint32
	if s.spec.JobControl {
		flags |= keeperTells
	}
	if s.spec.Siblings {
		flags |= keeperWaits
	}
	becomeKeeper(s.command, flags)
	_ = linux.Trim()
}

// idle waits for the parent, for as long as a start may take, and says whether
// there was nothing to be heard.
func (s *server) idle() bool {
	fds := []linux.PollFd{{Fd: socket, Events: linux.POLLIN}}
	n, err := linux.Retry(func() (int, error) { return linux.Poll(fds, linux.TrimAfter) })
	return n == 0 && err == nil && len(s.in) == 0
}
