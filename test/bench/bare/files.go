package main

import "golang.org/x/sys/unix"

// copyFile writes a copy of a small host file; a host without it gets an
// empty one.
func copyFile(from, to string) error {
	var buf [16 << 10]byte
	n := 0
	if in, err := unix.Open(from, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		n, err = unix.Read(in, buf[:])
		unix.Close(in)
		if err != nil {
			return err
		}
	}
	out, err := unix.Open(to, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	if _, err := unix.Write(out, buf[:n]); err != nil {
		return err
	}
	return unix.Close(out)
}

// keep has a bit for each of Podman's default capabilities.
const keep = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_FSETID | 1<<unix.CAP_KILL | 1<<unix.CAP_NET_BIND_SERVICE |
	1<<unix.CAP_SETFCAP | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETPCAP |
	1<<unix.CAP_SETUID | 1<<unix.CAP_SYS_CHROOT

// dropCapabilities takes all but keep out of the bounding set; the kernel
// ends the list with EINVAL.
func dropCapabilities() error {
	for c := uintptr(0); ; c++ {
		if keep&(uint64(1)<<c) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err == unix.EINVAL {
			return nil
		}
		if err != nil {
			return step{"drop a capability", err}
		}
	}
}

// itoa saves the import of strconv for a small number that is not negative.
func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
