package doctor_test

import (
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newRoot makes a folder the root, in which files can be made that the machine's
// does not get. Not by chroot(2): the kernel makes no user namespace in one.
func newRoot(folder string) error {
	entries, err := os.ReadDir("/")
	if err == nil {
		err = unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=755")
	}
	if err == nil {
		err = unix.Mount("", folder, "", unix.MS_UNBINDABLE, "") // or /tmp would be bound with it
	}
	for _, entry := range entries {
		if err != nil {
			return err
		}
		from, to := "/"+entry.Name(), filepath.Join(folder, entry.Name())
		switch entry.Type() {
		case os.ModeDir:
			if err = os.Mkdir(to, 0o755); err == nil {
				err = unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
			}
		case os.ModeSymlink:
			var at string
			if at, err = os.Readlink(from); err == nil {
				err = os.Symlink(at, to)
			}
		}
	}
	dir, err := os.Getwd()
	if err == nil {
		err = os.Chdir(folder)
	}
	if err == nil {
		err = unix.PivotRoot(".", ".") // the old root is now on top of it (pivot_root(2))
	}
	if err == nil {
		err = unix.Unmount(".", unix.MNT_DETACH)
	}
	if err == nil {
		err = os.Chdir(dir)
	}
	return err
}

// dockerCaps are what root has in a container of Docker's that was given no more
// (moby, daemon/pkg/oci/caps/defaults.go).
const dockerCaps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FSETID | 1<<unix.CAP_FOWNER | 1<<unix.CAP_MKNOD | 1<<unix.CAP_NET_RAW |
	1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID | 1<<unix.CAP_SETFCAP | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_NET_BIND_SERVICE | 1<<unix.CAP_SYS_CHROOT |
	1<<unix.CAP_KILL | 1<<unix.CAP_AUDIT_WRITE

func dropCaps() error {
	for c := uintptr(0); ; c++ {
		if dockerCaps&(1<<c) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err == unix.EINVAL {
			break // after the last one of this kernel
		} else if err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: dockerCaps, Permitted: dockerCaps}} // the second is for those above 31
	return unix.Capset(&header, &data[0])
}

// filter forbids what Docker's default profile forbids to a process without
// CAP_SYS_ADMIN and what a container needs: clone with any of the flags, and most
// calls about namespaces and mounts, are errno; clone3 is ENOSYS.
func filter(errno syscall.Errno, flags uint32) error {
	deny := func(errno syscall.Errno) unix.SockFilter {
		return unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}
	}
	// struct seccomp_data: the number at 0, the low half of the first argument at 16.
	program := []unix.SockFilter{
		{Code: ld, K: 0},
		{Code: jeq, K: unix.SYS_CLONE3, Jf: 1}, deny(unix.ENOSYS),
		{Code: jeq, K: unix.SYS_CLONE, Jf: 4}, {Code: ld, K: 16}, {Code: jset, K: flags, Jf: 1}, deny(errno), {Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	for _, call := range []uint32{unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_FSOPEN, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR} {
		program = append(program, unix.SockFilter{Code: jeq, K: call, Jf: 1}, deny(errno))
	}
	return install(append(program, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}))
}

// mountFilter does action to whoever mounts, as SystemCallFilter= of systemd's
// without @mount (systemd.exec(5)).
func mountFilter(action uint32) error {
	program := []unix.SockFilter{{Code: ld, K: 0}}
	for _, call := range []uint32{unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR} {
		program = append(program, unix.SockFilter{Code: jeq, K: call, Jf: 1}, unix.SockFilter{Code: ret, K: action})
	}
	return install(append(program, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}))
}

// Instructions of a filter (bpf(4)).
const ld, jeq, jset, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ, unix.BPF_JMP | unix.BPF_JSET, unix.BPF_RET

func install(program []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, e := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog))); e != 0 {
		return e
	}
	return nil
}
