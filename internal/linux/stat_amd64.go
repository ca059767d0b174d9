package linux

import "syscall"

const sysFstatat = syscall.SYS_NEWFSTATAT
