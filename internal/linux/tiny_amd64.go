package linux

import (
	"syscall"
	"unsafe"
)

// memfd_create(2) and execveat(2), which package syscall lacks here.
const (
	sysMemfdCreate = 319
	sysExecveat    = 322
)

// Where a tiny program is mapped, and where its instructions are in its file.
const (
	TinyBase    = 0x400000
	TinyHeaders = 64 + 2*56
)

// TinyEnd follows the instructions of a tiny program.
const TinyEnd = "LANYARD."

// TinyProgram gives an executable (elf(5)) for x86-64 of the instructions up to
// TinyEnd: two headers of the program, which are one segment of the file as it is
// and a stack that can't be executed. The caller writes the address it begins at
// with SetTinyEntry.
func TinyProgram(code []byte) []byte {
	n := 0
	for n < len(code)-len(TinyEnd) && string(code[n:n+len(TinyEnd)]) != TinyEnd {
		n++
	}
	file := make([]byte, TinyHeaders, TinyHeaders+n)
	file = append(file, code[:n]...)
	size := uint32(len(file))
	copy(file, "\x7fELF\x02\x01\x01")
	for at, v := range map[int]uint32{
		16: 62<<16 | 2, 20: 1, 24: TinyBase + TinyHeaders, 32: 64, 52: 56<<16 | 64, 56: 2, // ET_EXEC, EM_X86_64, EV_CURRENT, the entry; sizes of the headers
		64: 1, 68: 5, 80: TinyBase, 88: TinyBase, 96: size, 104: size, 112: 4096, // PT_LOAD, readable and executable
		120: 0x6474e551, 124: 6, // PT_GNU_STACK, readable and writable
	} {
		PutUint32(file[at:], v)
	}
	return file
}

// SetTinyEntry has a tiny program begin at this place of its file.
func SetTinyEntry(file []byte, at int) { PutUint32(file[24:], uint32(TinyBase+at)) }

// SealedMemfd gives a close-on-exec descriptor of a file in memory that can be
// executed and not be changed any more (memfd_create(2)). EACCES with
// vm.memfd_noexec=2.
func SealedMemfd(name string, content []byte) (int, error) {
	text, err := syscall.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	create := func(flags uintptr) (int, error) {
		return descriptor(syscall.RawSyscall(sysMemfdCreate, uintptr(unsafe.Pointer(text)), flags|MFD_CLOEXEC|MFD_ALLOW_SEALING, 0))
	}
	fd, err := create(MFD_EXEC)
	if err == syscall.EINVAL { // before Linux 6.3 all of them can be executed
		fd, err = create(0)
	}
	if err != nil {
		return -1, err
	}
	if err = WriteAll(fd, content); err == nil {
		err = failure(syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE))
	}
	if err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// ExecFd executes a descriptor with the one argument argv0 and no environment, all
// signals blocked. It returns only if that can't be.
func ExecFd(fd int, argv0 string) {
	name, err := syscall.BytePtrFromString(argv0)
	if err != nil {
		return
	}
	var empty byte
	argv, env := [2]*byte{name}, [1]*byte{}
	old := BlockAll()
	syscall.RawSyscall6(sysExecveat, uintptr(fd), uintptr(unsafe.Pointer(&empty)), uintptr(unsafe.Pointer(&argv)),
		uintptr(unsafe.Pointer(&env)), AT_EMPTY_PATH, 0)
	SetMask(old)
}
