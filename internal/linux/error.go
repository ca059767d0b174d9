package linux

import "syscall"

// StepError says which step of setting something up failed, on what, and why.
type StepError struct {
	Step   string        // what was being done, e.g. "mount /proc"
	Path   string        // the path it was done to; may be empty
	Errno  syscall.Errno // 0 where the kernel gave none
	Detail string        // what the reader should know or do; may be empty
}

// Error formats e as "STEP PATH: ERRNO (DETAIL)".
func (e *StepError) Error() string {
	s := e.Step
	if e.Path != "" {
		s += " " + e.Path
	}
	if e.Errno != 0 {
		s += ": " + e.Errno.Error()
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap gives the errno, so that errors.Is(err, syscall.ENOENT) works.
func (e *StepError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Fail makes a StepError of an error that a system call gave.
func Fail(step, path string, err error) *StepError {
	errno, ok := err.(syscall.Errno)
	if !ok {
		return &StepError{Step: step, Path: path, Detail: err.Error()}
	}
	return &StepError{Step: step, Path: path, Errno: errno}
}

// Obstacle is what stands in the way on this machine. A start that fails of it
// and `lanyard _doctor` say the same words.
type Obstacle struct {
	Why string // what forbids it
	Fix string // the command that allows it; may be empty
}

// Error is both in one line.
func (o *Obstacle) Error() string {
	if o.Fix == "" {
		return o.Why
	}
	return o.Why + fixMark + o.Fix
}

const fixMark = "; fix: "

// ObstacleOf takes an error apart again whose last words are an Obstacle's: what
// fails in a stage comes as text.
func ObstacleOf(err error) *Obstacle {
	text := err.Error()
	for i := 0; i+len(fixMark) <= len(text); i++ {
		if text[i:i+len(fixMark)] == fixMark {
			return &Obstacle{Why: text[:i], Fix: text[i+len(fixMark):]}
		}
	}
	return &Obstacle{Why: text}
}
