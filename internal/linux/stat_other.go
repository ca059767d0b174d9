//go:build !amd64

package linux

import "syscall"

const sysFstatat = syscall.SYS_FSTATAT
