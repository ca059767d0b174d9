package janitor

import "github.com/lanyard-dev/lanyard/internal/linux"

// lookout is the program itself: nobody calls it.
//
//lint:ignore U1000 only its instructions are of use, which lookoutCode points to
func lookout()

// lookoutCode points to the lookout's instructions, which linux.TinyEnd follows.
func lookoutCode() *[4096]byte

// Lookout gives a close-on-exec descriptor of a program of some hundred bytes that
// does a janitor's waiting: when nobody holds the other end of PipeFD it executes
// ProgramFD as the janitor. It is executed with Argv0 and all signals blocked.
// An error where there is no such program, as with vm.memfd_noexec=2: a janitor
// can wait for itself.
func Lookout() (int, error) {
	return linux.SealedMemfd(Argv0, linux.TinyProgram(lookoutCode()[:]))
}
