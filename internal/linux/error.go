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
