package rootfs

import "golang.org/x/sys/unix"

// Tries of what Build will do, for a process that is alone in the namespaces of a
// container and ends soon: what they mount ends with it.

// TryProc mounts a proc, but nowhere.
func TryProc() error {
	mnt, err := newMount("proc", nosuid|nodev|noexec)
	if err == nil {
		unix.Close(mnt)
	}
	return err
}

// TryIDMapped makes a bind of path in which ids are those of a user namespace
// that a descriptor names (mount_setattr(2), Linux 5.12), but nowhere.
func TryIDMapped(path string, namespace int) error {
	mnt, err := cloneTree(unix.AT_FDCWD, path, true)
	if err != nil {
		return err
	}
	defer unix.Close(mnt)
	return unix.MountSetattr(mnt, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(namespace)})
}

// TryOverlay mounts an overlay with an upper layer, as write-mode: transient has
// it. It covers base and changes the working directory.
func TryOverlay(userNS bool) error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	layers, err := tmpfs(nosuid|nodev, 0, 0o755)
	if err != nil {
		return err
	}
	if err := attachAt(layers, root, base[1:]); err != nil {
		return err
	}
	if err := unix.Chdir(base); err != nil {
		return err
	}
	for _, name := range [...]string{"lower", "upper", "work"} {
		if err := unix.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	options := []string{"lowerdir=lower", "upperdir=upper", "workdir=work", "volatile"}
	if userNS {
		options = append(options, "userxattr")
	}
	mnt, err := newMount("overlay", nodev, options...)
	if err == nil {
		unix.Close(mnt)
	}
	return err
}
