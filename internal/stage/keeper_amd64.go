package stage

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// keeper is the program itself, at another address than it runs at: nobody calls it.
//
//lint:ignore U1000 only its instructions are of use, which keeperCode points to
func keeper()

// keeperCode points to the keeper's instructions, which linux.TinyEnd follows.
func keeperCode() *[4096]byte

// keeperFile gives an executable of the keeper for the command pid.
func keeperFile(pid int, flags uint32) []byte {
	file := linux.TinyProgram(keeperCode()[:])
	for i := linux.TinyHeaders; i+6 <= len(file); i++ {
		switch string(file[i : i+6]) {
		case "\x41\xbc\x01\xed\x11\x7a": // MOVL $0x7a11ed01, R12
			linux.SetTinyEntry(file, i)
			linux.PutUint32(file[i+2:], uint32(pid))
		case "\x41\xbd\x02\xed\x11\x7a": // MOVL $0x7a11ed02, R13
			linux.PutUint32(file[i+2:], flags)
		}
	}
	return file
}

// becomeKeeper executes the keeper; it returns if this machine does not let it,
// as with vm.memfd_noexec=2.
func becomeKeeper(pid int, flags uint32) {
	fd, err := linux.SealedMemfd(Argv0, keeperFile(pid, flags))
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	// A start with fuse-overlayfs closes all descriptors in what it executes.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, socket, syscall.F_SETFD, 0); errno == 0 {
		linux.ExecFd(fd, Argv0)
	}
}
