//lint:file-ignore ST1003 constants of the kernel have the kernel's names, so that a manual page can be searched for them

package linux

// What package syscall lacks, from the kernel's headers (include/uapi/linux:
// fcntl.h, openat2.h, mount.h, prctl.h, close_range.h, capability.h, poll.h).
// All of them are the same on every architecture that Lanyard is built for; a
// test compares each with golang.org/x/sys/unix.

// For paths and descriptors.
const (
	AT_FDCWD            = -0x64
	AT_SYMLINK_NOFOLLOW = 0x100
	AT_REMOVEDIR        = 0x200
	AT_NO_AUTOMOUNT     = 0x800
	AT_EMPTY_PATH       = 0x1000
	AT_RECURSIVE        = 0x8000

	O_PATH = 0x200000

	RESOLVE_NO_XDEV       = 0x1
	RESOLVE_NO_MAGICLINKS = 0x2
	RESOLVE_NO_SYMLINKS   = 0x4
	RESOLVE_BENEATH       = 0x8
	RESOLVE_IN_ROOT       = 0x10

	CLOSE_RANGE_CLOEXEC = 0x4

	POLLIN    = 0x1
	POLLRDHUP = 0x2000
)

// For mounts.
const (
	FSOPEN_CLOEXEC    = 0x1
	FSMOUNT_CLOEXEC   = 0x1
	FSPICK_CLOEXEC    = 0x1
	FSPICK_EMPTY_PATH = 0x8

	FSCONFIG_SET_FLAG        = 0x0
	FSCONFIG_SET_STRING      = 0x1
	FSCONFIG_CMD_CREATE      = 0x6
	FSCONFIG_CMD_RECONFIGURE = 0x7

	MOUNT_ATTR_RDONLY = 0x1
	MOUNT_ATTR_NOSUID = 0x2
	MOUNT_ATTR_NODEV  = 0x4
	MOUNT_ATTR_NOEXEC = 0x8
	MOUNT_ATTR_IDMAP  = 0x100000

	MOVE_MOUNT_F_EMPTY_PATH = 0x4
	MOVE_MOUNT_T_EMPTY_PATH = 0x40

	OPEN_TREE_CLONE   = 0x1
	OPEN_TREE_CLOEXEC = 0x80000 // O_CLOEXEC
)

// For processes.
const (
	KEYCTL_JOIN_SESSION_KEYRING = 1

	PR_SET_NO_NEW_PRIVS      = 38
	PR_CAP_AMBIENT           = 47
	PR_CAP_AMBIENT_CLEAR_ALL = 4

	LINUX_CAPABILITY_VERSION_3 = 0x20080522
	CAP_LAST_CAP               = 40 // of Linux 5.9; LastCap asks the kernel

	SECCOMP_SET_MODE_FILTER        = 1
	SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4

	LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1

	MFD_CLOEXEC       = 0x1
	MFD_ALLOW_SEALING = 0x2
	MFD_EXEC          = 0x10
	F_ADD_SEALS       = 0x409
	F_SEAL_SEAL       = 0x1
	F_SEAL_SHRINK     = 0x2
	F_SEAL_GROW       = 0x4
	F_SEAL_WRITE      = 0x8

	SIG_SETMASK = 2
	P_ALL       = 0
	P_PID       = 1
)

// System calls since Linux 5.1 have one number on all architectures.
const (
	sysPidfdSendSignal = 424
	sysOpenTree        = 428
	sysMoveMount       = 429
	sysFsopen          = 430
	sysFsconfig        = 431
	sysFsmount         = 432
	sysFspick          = 433
	sysPidfdOpen       = 434
	sysClone3          = 435
	sysCloseRange      = 436
	sysOpenat2         = 437
	sysMountSetattr    = 442

	sysLandlockCreateRuleset = 444
	sysLandlockRestrictSelf  = 446
)
