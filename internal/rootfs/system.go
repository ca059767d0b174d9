package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// masked are paths that tell of, or reach, the machine; runtime-spec calls them
// maskedPaths. The list is Podman's and Docker's, as of 2025.
var masked = [...]string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
}

var maskedSys = [...]string{"/sys/devices/virtual/powercap", "/sys/firmware"}

// readonly are runtime-spec's readonlyPaths.
var readonly = [...]string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

func (b *builder) mountProc() *linux.StepError {
	if err := attachAt(b.proc, b.root, "proc"); err != nil {
		return linux.Fail("mount", "/proc", err)
	}
	for _, path := range readonly {
		if e := b.makeReadOnly(path); e != nil {
			return e
		}
	}
	return b.mask(masked[:])
}

func (b *builder) makeReadOnly(path string) *linux.StepError {
	target, err := linux.OpenPlain(b.root, path[1:], linux.O_PATH)
	if err == syscall.ENOENT {
		return nil
	}
	if err != nil {
		return linux.Fail("open", path, err)
	}
	mnt, err := cloneTree(target, "", false)
	if err == nil {
		if err = setAttr(mnt, rdonly|nosuid|nodev|noexec, false); err == nil {
			err = attach(mnt, target)
		}
	}
	if err != nil {
		return linux.Fail("make read-only", path, err)
	}
	return nil
}

// mask covers paths, where they exist: files with an empty file, folders with
// an empty folder of the skeleton, both read-only.
func (b *builder) mask(paths []string) *linux.StepError {
	if e := makeFile(b.base, nothing, nothing, "", 0o444); e != nil {
		return e
	}
	defer func() { _ = linux.Unlinkat(b.base, nothing, 0) }()
	for _, path := range paths {
		target, err := linux.OpenPlain(b.root, path[1:], linux.O_PATH)
		if err != nil {
			continue // this kernel has no such thing, or nobody may look at it
		}
		cover, err := b.cover(b.isDir(target))
		if err == nil {
			err = attach(cover, target)
		}
		if err != nil {
			return linux.Fail("mask", path, err)
		}
	}
	return nil
}

// nothing is an empty file of the skeleton, there only while it is bound.
const nothing = ".nothing"

// cover gives a detached read-only mount of something empty.
func (b *builder) cover(dir bool) (int, error) {
	const attrs = rdonly | nosuid | nodev | noexec
	if dir {
		return tmpfs(attrs, 4096, 0o555)
	}
	mnt, err := cloneTree(b.base, nothing, false)
	if err == nil {
		err = setAttr(mnt, attrs, false)
	}
	return mnt, err
}

// mountSys binds the host's /sys: its network is the container's too, and a
// sysfs of one's own needs a network namespace of one's own.
func (b *builder) mountSys() *linux.StepError {
	// As root what is mounted below (cgroups, debugfs, tracefs) stays out; in a
	// user namespace the mounts are locked together.
	mnt, err := cloneTree(b.host, "sys", b.spec.UserNS)
	if err == nil {
		if err = setAttr(mnt, rdonly|nosuid|nodev|noexec, b.spec.UserNS); err == nil {
			err = attachAt(mnt, b.root, "sys")
		}
	}
	if err != nil {
		return linux.Fail("bind", "/sys", err)
	}
	return b.mask(maskedSys[:])
}

// devices are the nodes of /dev with their numbers (Linux
// Documentation/admin-guide/devices.txt).
var devices = [...]struct {
	name         string
	major, minor uint32
}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}

var devLinks = [...][2]string{
	{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"},
	{"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
}

// shmSize is the size of /dev/shm in bytes, vagga's.
const shmSize = 100 << 20

func (b *builder) mountDev() *linux.StepError {
	mnt, err := tmpfs(nosuid|noexec, 1<<20, 0o755)
	if err == nil {
		err = attachAt(mnt, b.root, "dev")
	}
	if err != nil {
		return linux.Fail("mount", "/dev", err)
	}
	dev, err := linux.OpenPlain(b.root, "dev", linux.O_PATH|syscall.O_DIRECTORY)
	if err != nil {
		return linux.Fail("open", "/dev", err)
	}
	for _, d := range devices {
		if e := b.makeDevice(dev, d.name, d.major, d.minor); e != nil {
			return e
		}
	}
	for _, l := range devLinks {
		if err := linux.Symlinkat(l[0], dev, l[1]); err != nil {
			return linux.Fail("link", "/dev/"+l[1], err)
		}
	}
	if e := b.mountPts(dev); e != nil {
		return e
	}
	if e := b.mountShm(dev); e != nil {
		return e
	}
	if e := b.makeConsole(dev); e != nil {
		return e
	}
	if e := b.mountWholeProc(dev); e != nil {
		return e
	}
	if err := setAttr(dev, rdonly, false); err != nil {
		return linux.Fail("make read-only", "/dev", err)
	}
	syscall.Close(dev)
	return nil
}

func (b *builder) makeDevice(dev int, name string, major, minor uint32) *linux.StepError {
	if !b.spec.UserNS {
		if err := syscall.Mknodat(dev, name, syscall.S_IFCHR|0o666, int(linux.Mkdev(major, minor))); err != nil {
			return linux.Fail("make device", "/dev/"+name, err)
		}
		return nil
	}
	mnt, err := cloneTree(b.host, "dev/"+name, false)
	if err != nil {
		return linux.Fail("bind the host's", "/dev/"+name, err)
	}
	return b.bindFile(mnt, dev, name)
}

func (b *builder) bindFile(mnt, dev int, name string) *linux.StepError {
	if e := makeFile(dev, name, "/dev/"+name, "", 0o666); e != nil {
		syscall.Close(mnt)
		return e
	}
	if err := attachAt(mnt, dev, name); err != nil {
		return linux.Fail("bind", "/dev/"+name, err)
	}
	return nil
}

func (b *builder) mountPts(dev int) *linux.StepError {
	options := []string{"newinstance", "ptmxmode=0666", "mode=0620"}
	if !b.spec.UserNS { // group tty; without that id in the map it is EINVAL
		options = append(options, "gid=5")
	}
	err := syscall.Mkdirat(dev, "pts", 0o755)
	if err == nil {
		var mnt int
		if mnt, err = newMount("devpts", nosuid|noexec, options...); err == nil {
			err = attachAt(mnt, dev, "pts")
		}
	}
	if err != nil {
		return linux.Fail("mount", "/dev/pts", err)
	}
	return nil
}

func (b *builder) mountShm(dev int) *linux.StepError {
	err := syscall.Mkdirat(dev, "shm", 0o755)
	for _, real := range b.reals {
		if real == "/dev/shm" && err == nil { // a volume of the user's comes there
			return nil
		}
	}
	if err == nil {
		var mnt int
		if mnt, err = tmpfs(nosuid|nodev|noexec, shmSize, 0o1777); err == nil {
			err = attachAt(mnt, dev, "shm")
		}
	}
	if err != nil {
		return linux.Fail("mount", "/dev/shm", err)
	}
	return nil
}
