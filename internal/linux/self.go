package linux

import (
	"syscall"
	"unsafe"
)

// IsCommandLine says whether this process was executed with argv0 as its whole
// argument vector and an empty environment. It works before package os is
// initialised.
func IsCommandLine(argv0 string) bool {
	if len(syscall.Environ()) > 0 {
		return false
	}
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	var buf [64]byte
	n, err := syscall.Read(fd, buf[:])
	return err == nil && n == len(argv0)+1 && string(buf[:len(argv0)]) == argv0 && buf[n-1] == 0
}

// SetName sets the name that ps and top show for the calling thread; the main
// thread's is the process's. At most 15 bytes count (PR_SET_NAME, prctl(2)).
func SetName(name string) {
	bytes := append([]byte(name), 0)
	syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&bytes[0])), 0, 0, 0, 0)
}

// Permitted is the calling thread's set of permitted capabilities.
func Permitted() uint64 {
	head := capHeader{version: LINUX_CAPABILITY_VERSION_3}
	var data [2]capData
	if _, _, e := syscall.RawSyscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&data)), 0); e != 0 {
		return 0
	}
	return uint64(data[0].permitted) | uint64(data[1].permitted)<<32
}

// LastCap is the highest capability that this kernel knows: PR_CAPBSET_READ is
// EINVAL above it (prctl(2)).
func LastCap() int {
	last := CAP_LAST_CAP
	for ; last > 0; last-- {
		if _, err := Prctl(syscall.PR_CAPBSET_READ, uintptr(last)); err == nil {
			break
		}
	}
	for ; last < 63; last++ {
		if _, err := Prctl(syscall.PR_CAPBSET_READ, uintptr(last+1)); err != nil {
			break
		}
	}
	return last
}

// MachineRoot says that we are root of this machine and may what root may
// (CAP_SYS_ADMIN): not root of a user namespace that was made for it.
func MachineRoot() bool {
	const sysAdmin = 21 // capabilities(7)
	if syscall.Geteuid() != 0 || Permitted()&(1<<sysAdmin) == 0 {
		return false
	}
	fd, err := syscall.Open("/proc/self/uid_map", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return true // a kernel without user namespaces
	}
	defer syscall.Close(fd)
	ids, err := ReadAll(fd, 4096)
	return err != nil || string(ids) == "         0          0 4294967295\n" // user_namespaces(7)
}

// WritableSelf says that this program's file could be overwritten while it runs
// (CVE-2019-5736), which the kernel refuses but for Linux 6.11 to 6.12.1 (ETXTBSY).
func WritableSelf() bool {
	fd, err := syscall.Open("/proc/self/exe", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	syscall.Close(fd)
	return true
}

// AllCaps are the capabilities that this kernel knows, for SysProcAttr.AmbientCaps.
func AllCaps() []uintptr {
	var all []uintptr
	for c := 0; c <= LastCap(); c++ {
		all = append(all, uintptr(c))
	}
	return all
}
