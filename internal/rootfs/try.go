package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Tries of what Build will do, for a process that is alone in the namespaces of a
// container and ends soon: what they mount ends with it.

// MakeSlave keeps from the host what is mounted from here on.
func MakeSlave() error { return syscall.Mount("", "/", "", syscall.MS_SLAVE|syscall.MS_REC, "") }

// TryProc mounts a proc, but nowhere.
func TryProc() error {
	mnt, err := newMount("proc", nosuid|nodev|noexec)
	if err == nil {
		syscall.Close(mnt)
	}
	return err
}

// TryIDMapped makes a bind of path in which ids are those of a user namespace
// that a descriptor names (mount_setattr(2), Linux 5.12), but nowhere.
func TryIDMapped(path string, namespace int) error {
	mnt, err := cloneTree(linux.AT_FDCWD, path, true)
	if err != nil {
		return err
	}
	defer syscall.Close(mnt)
	return linux.MountSetattr(mnt, 0, &linux.MountAttr{Set: linux.MOUNT_ATTR_IDMAP, UserNS: uint64(namespace)})
}

// TryOverlay mounts an overlay with an upper layer, as write-mode: transient has
// it, after MakeSlave. It covers base and changes the working directory.
func TryOverlay(userNS bool) error {
	root, err := syscall.Open("/", linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(root)
	layers, err := tmpfs(nosuid|nodev, 0, 0o755)
	if err != nil {
		return err
	}
	if err := attachAt(layers, root, base[1:]); err != nil {
		return err
	}
	if err := syscall.Chdir(base); err != nil {
		return err
	}
	for _, name := range [...]string{"lower", "upper", "work"} {
		if err := syscall.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	options := []string{"lowerdir=lower", "upperdir=upper", "workdir=work", "volatile"}
	if userNS {
		options = append(options, "userxattr")
	}
	mnt, err := newMount("overlay", nodev, options...)
	if err == nil {
		syscall.Close(mnt)
	}
	return err
}
