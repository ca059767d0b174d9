package control

import "fmt"

// InUseError says that another supervisor serves the socket of this folder, or
// may do so.
type InUseError struct {
	PID int // of the process that listens; 0 if the socket may not be connected to
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return "the socket control in this directory belongs to another user, whose supervisor may run: start this one in a directory of its own, or remove the file if nobody needs it"
	}
	return fmt.Sprintf("the socket control in this directory is served by a running supervisor (process %d): end that one first, or start this one in a directory of its own", e.PID)
}
