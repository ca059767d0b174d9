package main

import "golang.org/x/sys/unix"

// Paths below /proc and /sys that a container must not read, and those it
// must not write; the list of the OCI runtimes.
var (
	masked = []string{
		"proc/acpi", "proc/asound", "proc/kcore", "proc/keys", "proc/latency_stats",
		"proc/timer_list", "proc/sched_debug", "proc/scsi",
	}
	readOnly = []string{"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}
)

func proc() error {
	if err := mount("proc", "proc", "proc", strict, ""); err != nil {
		return err
	}
	for _, path := range masked {
		if err := mask(path); err != nil {
			return err
		}
	}
	for _, path := range readOnly {
		err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			return step{"bind " + path, err}
		}
		if err := mount("", path, "", rebind|strict, ""); err != nil {
			return err
		}
	}
	return nil
}

// mask hides path, if it exists: /dev/null over a file, an empty read-only
// tmpfs over a folder.
func mask(path string) error {
	err := unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
	switch err {
	case nil, unix.ENOENT:
		return nil
	case unix.ENOTDIR:
		return mount("tmpfs", path, "tmpfs", unix.MS_RDONLY|strict, "")
	default:
		return step{"mask " + path, err}
	}
}

// sys binds the host's /sys read-only. In a user namespace a tree with
// submounts can only be bound as a whole.
func sys(userNS bool) error {
	flags := uint(treeOf)
	recursive := uint(0)
	if userNS {
		flags, recursive = subtree, unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, "/sys", flags)
	if err != nil {
		return step{"open /sys", err}
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID |
		unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|recursive, attr); err != nil {
		return step{"make /sys read-only", err}
	}
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, "sys", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return step{"mount sys", err}
	}
	if err := unix.Close(fd); err != nil {
		return step{"close /sys", err}
	}
	return mask("sys/firmware")
}

// device is a character device of /dev; its major number is 1 but for tty.
type device struct {
	name         string
	major, minor uint32
}

var (
	devices = []device{
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7},
		{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
	}
	links = [][2]string{
		{"pts/ptmx", "dev/ptmx"}, {"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"},
		{"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
	}
)

// dev fills a tmpfs with the devices and makes it read-only; pts and shm are
// mounts of their own and stay writable.
func dev(userNS bool) error {
	if err := mount("tmpfs", "dev", "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return err
	}
	for _, d := range devices {
		if err := makeDevice(d, userNS); err != nil {
			return step{"make /dev/" + d.name, err}
		}
	}
	for _, l := range links {
		if err := unix.Symlink(l[0], l[1]); err != nil {
			return step{"link " + l[1], err}
		}
	}
	for _, name := range []string{"dev/pts", "dev/shm"} {
		if err := unix.Mkdir(name, 0o755); err != nil {
			return step{"make " + name, err}
		}
	}
	return run(
		func() error {
			return mount("devpts", "dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
		},
		func() error { return mount("tmpfs", "dev/shm", "tmpfs", strict, "mode=1777") },
		func() error { return mount("", "dev", "", rebind|unix.MS_NOSUID, "") },
	)
}

// makeDevice makes a node, or binds the host's where mknod is not allowed.
func makeDevice(d device, userNS bool) error {
	path := "dev/" + d.name
	if !userNS {
		return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor)))
	}
	if err := unix.Mknod(path, unix.S_IFREG|0o666, 0); err != nil {
		return err
	}
	return unix.Mount("/dev/"+d.name, path, "", unix.MS_BIND, "")
}
