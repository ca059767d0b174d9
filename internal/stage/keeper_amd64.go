package stage

import (
	"syscall"
	"unsafe"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// keeper is the program itself, at another address than it runs at: nobody calls it.
//
//lint:ignore U1000 only its instructions are of use, which keeperCode points to
func keeper()

// keeperCode points to the keeper's instructions, which "LANYARD." follows.
func keeperCode() *[4096]byte

// Where the keeper's file is mapped, and where its instructions are in it.
const (
	keeperBase    = 0x400000
	keeperHeaders = 64 + 2*56
)

// Numbers that package syscall lacks, memfd_create(2) and execveat(2).
const (
	sysMemfdCreate = 319
	sysExecveat    = 322
	mfdCloexec     = 1
	mfdSealing     = 2
	mfdExec        = 0x10 // Linux 6.3
	addSeals       = 1033 // F_ADD_SEALS, fcntl(2)
	allSeals       = 0xf  // against writing, growing, shrinking, and other seals
)

// keeperFile gives an executable (elf(5)) of the keeper for the command pid: two
// headers of the program, which are one segment of the file as it is and a stack
// that can't be executed.
func keeperFile(pid int, flags uint32) []byte {
	code := keeperCode()[:]
	n := 0
	for n < len(code)-8 && string(code[n:n+8]) != "LANYARD." {
		n++
	}
	file := make([]byte, keeperHeaders, keeperHeaders+n)
	file = append(file, code[:n]...)
	size := uint32(len(file))
	copy(file, "\x7fELF\x02\x01\x01")
	for at, v := range map[int]uint32{
		16: 62<<16 | 2, 20: 1, 32: 64, 52: 56<<16 | 64, 56: 2, // ET_EXEC, EM_X86_64, EV_CURRENT; sizes of the headers
		64: 1, 68: 5, 80: keeperBase, 88: keeperBase, 96: size, 104: size, 112: 4096, // PT_LOAD, readable and executable
		120: 0x6474e551, 124: 6, // PT_GNU_STACK, readable and writable
	} {
		putUint32(file[at:], v)
	}
	for i := keeperHeaders; i+6 <= len(file); i++ {
		switch string(file[i : i+6]) {
		case "\x41\xbc\x01\xed\x11\x7a": // MOVL $0x7a11ed01, R12
			putUint32(file[24:], uint32(keeperBase+i)) // the entry
			putUint32(file[i+2:], uint32(pid))
		case "\x41\xbd\x02\xed\x11\x7a": // MOVL $0x7a11ed02, R13
			putUint32(file[i+2:], flags)
		}
	}
	return file
}

// becomeKeeper executes the keeper; it returns if this machine does not let it,
// as with vm.memfd_noexec=2.
func becomeKeeper(pid int, flags uint32) {
	name, empty := terminated(Argv0), terminated("")
	fd, _, errno := syscall.RawSyscall(sysMemfdCreate, uintptr(unsafe.Pointer(&name[0])), mfdCloexec|mfdSealing|mfdExec, 0)
	if errno == syscall.EINVAL {
		fd, _, errno = syscall.RawSyscall(sysMemfdCreate, uintptr(unsafe.Pointer(&name[0])), mfdCloexec|mfdSealing, 0)
	}
	if errno != 0 {
		return
	}
	defer syscall.Close(int(fd))
	file := keeperFile(pid, flags)
	if n, err := syscall.Write(int(fd), file); err != nil || n != len(file) {
		return
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, addSeals, allSeals); errno != 0 {
		return
	}
	// A start with fuse-overlayfs closes all descriptors in what it executes.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, socket, syscall.F_SETFD, 0); errno != 0 {
		return
	}
	argv, env := [2]*byte{&name[0]}, [1]*byte{}
	old := linux.BlockAll()
	syscall.RawSyscall6(sysExecveat, fd, uintptr(unsafe.Pointer(&empty[0])), uintptr(unsafe.Pointer(&argv)),
		uintptr(unsafe.Pointer(&env)), linux.AT_EMPTY_PATH, 0)
	linux.SetMask(old)
}
