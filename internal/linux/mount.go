package linux

import (
	"syscall"
	"unsafe"
)

// The calls that make mounts from descriptors, Linux 5.2; mount_setattr(2) is
// there since 5.12.

// MountAttr is struct mount_attr of mount_setattr(2), MOUNT_ATTR_SIZE_VER0.
type MountAttr struct {
	Set         uint64
	Clear       uint64
	Propagation uint64
	UserNS      uint64 // descriptor of the user namespace for MOUNT_ATTR_IDMAP
}

// Fsopen is fsopen(2): a new filesystem that is being configured.
func Fsopen(fstype string, flags int) (int, error) {
	name, err := syscall.BytePtrFromString(fstype)
	if err != nil {
		return -1, err
	}
	return descriptor(syscall.Syscall(sysFsopen, uintptr(unsafe.Pointer(name)), uintptr(flags), 0))
}

// Fspick is fspick(2): a filesystem that is mounted, to be configured anew.
func Fspick(dir int, path string, flags int) (int, error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	return descriptor(syscall.Syscall(sysFspick, uintptr(dir), uintptr(unsafe.Pointer(name)), uintptr(flags)))
}

// FsconfigSetFlag sets an option without a value (fsconfig(2)).
func FsconfigSetFlag(fs int, key string) error {
	name, err := syscall.BytePtrFromString(key)
	if err != nil {
		return err
	}
	return failure(syscall.Syscall6(sysFsconfig, uintptr(fs), FSCONFIG_SET_FLAG, uintptr(unsafe.Pointer(name)), 0, 0, 0))
}

// FsconfigSetString sets an option (fsconfig(2)). A value over 255 bytes is
// EINVAL.
func FsconfigSetString(fs int, key, value string) error {
	name, err := syscall.BytePtrFromString(key)
	if err != nil {
		return err
	}
	text, err := syscall.BytePtrFromString(value)
	if err != nil {
		return err
	}
	return failure(syscall.Syscall6(sysFsconfig, uintptr(fs), FSCONFIG_SET_STRING,
		uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(text)), 0, 0))
}

// FsconfigCreate makes the filesystem as it was configured (fsconfig(2)).
func FsconfigCreate(fs int) error {
	return failure(syscall.Syscall6(sysFsconfig, uintptr(fs), FSCONFIG_CMD_CREATE, 0, 0, 0, 0))
}

// FsconfigReconfigure changes a filesystem that Fspick gave (fsconfig(2)).
func FsconfigReconfigure(fs int) error {
	return failure(syscall.Syscall6(sysFsconfig, uintptr(fs), FSCONFIG_CMD_RECONFIGURE, 0, 0, 0, 0))
}

// Fsmount is fsmount(2): a mount of a filesystem that was made, nowhere yet.
// attrs are of MOUNT_ATTR_.
func Fsmount(fs, flags, attrs int) (int, error) {
	return descriptor(syscall.Syscall(sysFsmount, uintptr(fs), uintptr(flags), uintptr(attrs)))
}

// OpenTree is open_tree(2).
func OpenTree(dir int, path string, flags uint) (int, error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	return descriptor(syscall.Syscall(sysOpenTree, uintptr(dir), uintptr(unsafe.Pointer(name)), uintptr(flags)))
}

// MoveMount is move_mount(2) of the mount that from is onto the place that to
// is.
func MoveMount(from, to int) error {
	var empty byte
	return failure(syscall.Syscall6(sysMoveMount, uintptr(from), uintptr(unsafe.Pointer(&empty)),
		uintptr(to), uintptr(unsafe.Pointer(&empty)), MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH, 0))
}

// MountSetattr is mount_setattr(2) on the mount that mnt is; flags may have
// AT_RECURSIVE.
func MountSetattr(mnt int, flags uint, attr *MountAttr) error {
	var empty byte
	return failure(syscall.Syscall6(sysMountSetattr, uintptr(mnt), uintptr(unsafe.Pointer(&empty)),
		uintptr(flags)|AT_EMPTY_PATH, uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr), 0))
}
