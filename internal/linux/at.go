package linux

import (
	"syscall"
	"unsafe"
)

// Calls that take a folder's descriptor and a path below it, as far as package
// syscall has none or has them without flags. None of them is tried again after
// EINTR. A path with a NUL in it is EINVAL.

// OpenHow is struct open_how of openat2(2).
type OpenHow struct {
	Flags   uint64
	Mode    uint64
	Resolve uint64
}

// Openat2 is openat2(2), Linux 5.6.
func Openat2(dir int, path string, how *OpenHow) (int, error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	return descriptor(syscall.Syscall6(sysOpenat2, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(how)), unsafe.Sizeof(*how), 0, 0))
}

// Fstatat is fstatat(2).
func Fstatat(dir int, path string, st *syscall.Stat_t, flags int) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return failure(syscall.Syscall6(sysFstatat, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(st)), uintptr(flags), 0, 0))
}

// Unlinkat is unlinkat(2).
func Unlinkat(dir int, path string, flags int) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return failure(syscall.Syscall(syscall.SYS_UNLINKAT, uintptr(dir), uintptr(unsafe.Pointer(name)), uintptr(flags)))
}

// Symlinkat is symlinkat(2): it makes path, below dir, a link to target.
func Symlinkat(target string, dir int, path string) error {
	to, err := syscall.BytePtrFromString(target)
	if err != nil {
		return err
	}
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return failure(syscall.Syscall(syscall.SYS_SYMLINKAT, uintptr(unsafe.Pointer(to)), uintptr(dir), uintptr(unsafe.Pointer(name))))
}

// Readlinkat is readlinkat(2), with the target as a string. A link may be as
// long as PATH_MAX.
func Readlinkat(dir int, path string) (string, error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return "", err
	}
	var buf [syscall.PathMax]byte
	n, _, errno := syscall.Syscall6(syscall.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return "", errno
	}
	return string(buf[:n]), nil
}

// Utimensat is utimensat(2): the times of the last access and the last change.
func Utimensat(dir int, path string, times [2]syscall.Timespec, flags int) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return failure(syscall.Syscall6(syscall.SYS_UTIMENSAT, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&times)), uintptr(flags), 0, 0))
}

// Mkdev is the number of a device, as mknod(2) takes it (makedev(3)).
func Mkdev(major, minor uint32) uint64 {
	return uint64(major&0xfffff000)<<32 | uint64(major&0xfff)<<8 | uint64(minor&0xffffff00)<<12 | uint64(minor&0xff)
}

// descriptor and failure put what a raw call gives into Go's form.
func descriptor(fd, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func failure(_, _ uintptr, errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
