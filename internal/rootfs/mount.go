package rootfs

import (
	"strconv"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// newMount makes a detached mount of a new filesystem (fsopen(2), Linux 5.2).
// Each option is "key=value", or "key" for a flag.
func newMount(fstype string, attrs int, options ...string) (int, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	for _, option := range append([]string{"source=" + fstype}, options...) {
		key, value := cut(option)
		if value == "" {
			err = unix.FsconfigSetFlag(fs, key)
		} else {
			err = unix.FsconfigSetString(fs, key, value)
		}
		if err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs)
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
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_NO_AUTOMOUNT)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	} else {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	return unix.OpenTree(dir, path, flags)
}

// setAttr adds mount attributes; with recursive to everything below too
// (mount_setattr(2), Linux 5.12).
func setAttr(mnt int, attrs uint64, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(mnt, "", flags, &unix.MountAttr{Attr_set: attrs})
}

// attach puts a detached mount onto the place that target, an O_PATH
// descriptor, names. It closes both.
func attach(mnt, target int) error {
	defer unix.Close(mnt)
	defer unix.Close(target)
	return unix.MoveMount(mnt, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// attachAt is attach onto a path below dir that holds no symlink.
func attachAt(mnt, dir int, path string) error {
	target, err := linux.OpenPlain(dir, path, unix.O_PATH)
	if err != nil {
		unix.Close(mnt)
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
	nodev  = unix.MOUNT_ATTR_NODEV
	nosuid = unix.MOUNT_ATTR_NOSUID
	noexec = unix.MOUNT_ATTR_NOEXEC
	rdonly = unix.MOUNT_ATTR_RDONLY
)
