//go:build !amd64

package linux

import "syscall"

const sysSeccomp = syscall.SYS_SECCOMP
