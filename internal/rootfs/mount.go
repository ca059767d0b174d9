package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// newMount makes a detached mount of a new filesystem (fsopen(2), Linux 5.2).
// Each option is "key=value", or "key" for a flag.
func newMount(fstype string, attrs int, options ...string) (int, error) {
	fs, err := linux.Fsopen(fstype, linux.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer syscall.Close(fs)
	for _, option := range append([]string{"source=" + fstype}, options...) {
		key, value := cut(option)
		if value == "" {
			err = linux.FsconfigSetFlag(fs, key)
		} else {
			err = linux.FsconfigSetString(fs, key, value)
		}
		if err != nil {
			return -1, err
		}
	}
	if err := linux.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return linux.Fsmount(fs, linux.FSMOUNT_CLOEXEC, attrs)
}

func cut(option string) (key, value string) {
	for i := range len(option) {
		if option[i] == '=' {
			return option[:i], option[i+1:]
		}
	}
	return option, ""
}

// cloneTree makes a detached bind of what dir and path name; with recursive of
// everything that is mounted below it too.
func cloneTree(dir int, path string, recursive bool) (int, error) {
	flags := uint(linux.OPEN_TREE_CLONE | linux.OPEN_TREE_CLOEXEC | linux.AT_NO_AUTOMOUNT)
	if recursive {
		flags |= linux.AT_RECURSIVE
	}
	if path == "" {
		flags |= linux.AT_EMPTY_PATH
	} else {
		flags |= linux.AT_SYMLINK_NOFOLLOW
	}
	return linux.OpenTree(dir, path, flags)
}

// setAttr adds mount attributes; with recursive to everything below too
// (mount_setattr(2), Linux 5.12).
func setAttr(mnt int, attrs uint64, recursive bool) error {
	flags := uint(0)
	if recursive {
		flags = linux.AT_RECURSIVE
	}
	return linux.MountSetattr(mnt, flags, &linux.MountAttr{Set: attrs})
}

// attach puts a detached mount onto the place that target, an O_PATH
// descriptor, names. It closes both.
func attach(mnt, target int) error {
	defer syscall.Close(mnt)
	defer syscall.Close(target)
	return linux.MoveMount(mnt, target)
}

// attachAt is attach onto a path below dir that holds no symlink.
func attachAt(mnt, dir int, path string) error {
	target, err := linux.OpenPlain(dir, path, linux.O_PATH)
	if err != nil {
		syscall.Close(mnt)
		return err
	}
	return attach(mnt, target)
}

func octal(mode uint32) string { return strconv.FormatUint(uint64(mode), 8) }

func tmpfs(attrs int, size uint64, mode uint32) (int, error) {
	options := []string{"mode=" + octal(mode)}
	switch size {
	case 0:
	case Unlimited:
		options = append(options, "size=0")
	default:
		options = append(options, "size="+strconv.FormatUint(size, 10))
	}
	return newMount("tmpfs", attrs, options...)
}

const (
	nodev  = linux.MOUNT_ATTR_NODEV
	nosuid = linux.MOUNT_ATTR_NOSUID
	noexec = linux.MOUNT_ATTR_NOEXEC
	rdonly = linux.MOUNT_ATTR_RDONLY
)
