package main

import "golang.org/x/sys/unix"

// step is an error that names what was tried.
type step struct {
	name string
	err  error
}

func (s step) Error() string { return "cannot " + s.name + ": " + s.err.Error() }

// run calls each step in turn and stops at the first that fails.
func run(steps ...func() error) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

// mount is mount(2) with an error that names the target.
func mount(source, target, fstype string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return step{"mount " + target, err}
	}
	return nil
}

const (
	plain   = unix.MS_NOSUID | unix.MS_NODEV
	strict  = plain | unix.MS_NOEXEC
	rebind  = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY
	treeOf  = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
	subtree = treeOf | unix.AT_RECURSIVE
)

// enter builds the container's mounts and makes them this process's root.
// All targets are relative to the new root, which is the working directory
// until pivot_root; the host's files are absolute until then. userNS says that
// this is a user namespace, where some of it has to be done in another way.
func enter(rootfs string, userNS bool) error {
	umask := unix.Umask(0)
	if err := mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	work, err := unix.OpenTree(unix.AT_FDCWD, ".", subtree)
	if err != nil {
		return step{"open the working directory", err}
	}
	return run(
		func() error { return root(rootfs, userNS) },
		proc,
		func() error { return sys(userNS) },
		func() error { return dev(userNS) },
		func() error { return mount("tmpfs", "tmp", "tmpfs", plain, "size=100m,mode=1777") },
		func() error { return mount("tmpfs", "run", "tmpfs", plain, "mode=0755") },
		func() error { return attachWork(work) },
		pivot,
		dropCapabilities,
		func() error { unix.Umask(umask); return nil },
	)
}

// skeleton holds the mount points, so that nothing is written into a rootfs.
var skeleton = []string{"proc", "sys", "dev", "tmp", "run", "work", "etc"}

// root mounts one read-only overlay of the skeleton over rootfs and enters it.
// The skeleton covers rootfs, which stays reachable through its descriptor.
func root(rootfs string, userNS bool) error {
	fd, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return step{"open " + rootfs, err}
	}
	defer unix.Close(fd)
	if err := mount("tmpfs", rootfs, "tmpfs", plain, "mode=0755"); err != nil {
		return err
	}
	if err := unix.Chdir(rootfs); err != nil {
		return step{"enter the skeleton", err}
	}
	for _, name := range skeleton {
		if err := unix.Mkdir(name, 0o755); err != nil {
			return step{"make " + name, err}
		}
	}
	for _, name := range []string{"etc/resolv.conf", "etc/hosts"} {
		if err := copyFile("/"+name, name); err != nil {
			return step{"copy /" + name, err}
		}
	}
	options := "lowerdir=.:/proc/self/fd/" + itoa(fd)
	if userNS {
		options += ",userxattr"
	}
	if err := mount("overlay", rootfs, "overlay", unix.MS_RDONLY|unix.MS_NODEV, options); err != nil {
		return err
	}
	if err := unix.Chdir(rootfs); err != nil {
		return step{"enter " + rootfs, err}
	}
	return nil
}

// attachWork puts the caller's directory, opened before it could be covered,
// on /work.
func attachWork(work int) error {
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(work, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr); err != nil {
		return step{"set the attributes of work", err}
	}
	if err := unix.MoveMount(work, "", unix.AT_FDCWD, "work", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return step{"mount work", err}
	}
	return unix.Close(work)
}

// pivot makes the working directory the root and lets go of the host's.
func pivot() error {
	if err := unix.PivotRoot(".", "."); err != nil {
		return step{"pivot_root", err}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return step{"detach the old root", err}
	}
	return unix.Chdir("/work")
}
