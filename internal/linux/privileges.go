package linux

import (
	"syscall"
	"unsafe"
)

type capHeader struct {
	version uint32
	pid     int32
}

// capData is struct __user_cap_data_struct; the last word is the inheritable
// set, always empty here.
type capData struct{ effective, permitted, _ uint32 }

// admin says that CAP_SYS_ADMIN is what allows the filter and the ruleset, because
// no_new_privs doesn't (seccomp(2), landlock_restrict_self(2)).
//
//go:nosplit
//go:norace
func (p *Process) admin() bool { return !p.NoNewPrivs && (len(p.Filter) > 0 || p.Ruleset >= 0) }

// dropPrivileges runs in the forked child, as child does.
//
//go:nosplit
//go:norace
func (p *Process) dropPrivileges() (uintptr, syscall.Errno) {
	for c := 0; c <= p.LastCap; c++ {
		if p.Caps&(1<<uint(c)) != 0 {
			continue
		}
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0, 0); e != 0 {
			return stepBounding, e
		}
	}
	syscall.RawSyscall6(syscall.SYS_PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	if p.SetGroups {
		var first unsafe.Pointer
		if len(p.Groups) > 0 {
			first = unsafe.Pointer(&p.Groups[0])
		}
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(p.Groups)), uintptr(first), 0); e != 0 {
			return stepGroups, e
		}
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(p.GID), uintptr(p.GID), uintptr(p.GID)); e != 0 {
		return stepGID, e
	}
	if p.admin() && p.UID != 0 {
		// Else the change of user takes them (capabilities(7)).
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_SET_KEEPCAPS, 1, 0, 0, 0, 0); e != 0 {
			return stepUID, e
		}
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(p.UID), uintptr(p.UID), uintptr(p.UID)); e != 0 {
		return stepUID, e
	}
	if p.NoNewPrivs {
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
			return stepNoNewPrivs, e
		}
	}
	return p.confine()
}

// confine does what can't be undone, in the order that needs the least of the
// filter: with no_new_privs it comes last, otherwise only capset and execve are
// still to come. Until then CAP_SYS_ADMIN is the one capability in effect.
//
//go:nosplit
//go:norace
func (p *Process) confine() (uintptr, syscall.Errno) {
	var own uint64
	if p.UID == 0 {
		own = p.Caps
	}
	if !p.admin() {
		if e := setCaps(own, own); e != 0 {
			return stepCaps, e
		}
	} else if e := setCaps(own|capSysAdmin, capSysAdmin); e != 0 {
		return stepCaps, e
	}
	if p.Ruleset >= 0 {
		if _, _, e := syscall.RawSyscall(sysLandlockRestrictSelf, uintptr(p.Ruleset), 0, 0); e != 0 {
			return stepLandlock, e
		}
	}
	if len(p.Filter) > 0 {
		if e := p.installFilter(); e != 0 {
			return stepFilter, e
		}
	}
	if p.admin() {
		if e := setCaps(own, own); e != 0 {
			return stepCaps, e
		}
	}
	return 0, 0
}

const capSysAdmin = 1 << 21

// setCaps sets what is permitted and effective. Nothing is inheritable.
//
//go:nosplit
//go:norace
func setCaps(permitted, effective uint64) syscall.Errno {
	head := capHeader{version: LINUX_CAPABILITY_VERSION_3}
	data := [2]capData{
		{effective: uint32(effective), permitted: uint32(permitted)},
		{effective: uint32(effective >> 32), permitted: uint32(permitted >> 32)},
	}
	_, _, e := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&data)), 0)
	return e
}

// installFilter takes the flag that spares calls a slow way round speculation on
// kernels before 5.16, which use it for every process with a filter, as container
// engines do.
//
//go:nosplit
//go:norace
func (p *Process) installFilter() syscall.Errno {
	program := struct { // struct sock_fprog
		length uint16
		filter *byte
	}{uint16(len(p.Filter) / 8), &p.Filter[0]}
	_, _, e := syscall.RawSyscall(sysSeccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&program)))
	return e
}
