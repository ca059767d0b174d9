package linux

import "golang.org/x/sys/unix"

const fstatatOfUnix = unix.SYS_NEWFSTATAT
