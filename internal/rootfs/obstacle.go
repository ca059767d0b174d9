package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// ProcHidden says that in a user namespace a new proc may show no more than the one
// that is there (Linux fs/namespace.c, mount_too_revealing).
var ProcHidden = linux.Obstacle{
	Why: "parts of /proc are masked or read-only here, as in a container, so the kernel mounts no new one",
	Fix: "docker run --security-opt systempaths=unconfined …, podman run --security-opt unmask=ALL …, in a unit of systemd: ProtectKernelTunables=no and ProtectKernelLogs=no",
}

// NoExec says that the project, which is bound as it is mounted, is so noexec.
func NoExec(project string) *linux.Obstacle {
	return &linux.Obstacle{
		Why: "the project folder is on a filesystem mounted noexec, so no program in it can be executed",
		Fix: linux.Remount("exec", project),
	}
}

// NoFuseOverlay says that nothing does what the kernel refuses.
func NoFuseOverlay() *linux.Obstacle {
	const name = "fuse-overlayfs"
	return &linux.Obstacle{
		Why: name + ", which lays layers over each other without the kernel, is not installed",
		Fix: linux.Packages(name, name, name, name, name),
	}
}

// FuseRefused says why /dev/fuse can't be opened.
func FuseRefused(errno syscall.Errno) *linux.Obstacle {
	o := &linux.Obstacle{Why: "/dev/fuse, which fuse-overlayfs needs, can't be opened: " + errno.Error()}
	switch errno {
	case syscall.EACCES, syscall.EPERM:
		o.Fix = "sudo chmod 666 /dev/fuse"
	case syscall.ENOENT, syscall.ENODEV, syscall.ENXIO:
		o.Fix = "sudo modprobe fuse"
	}
	return o
}

// OverlayRefused says why the kernel mounts no overlay; nil if that is not known.
func OverlayRefused(errno syscall.Errno) *linux.Obstacle {
	switch errno {
	case syscall.EINVAL:
		return &linux.Obstacle{Why: "the kernel stacks at most two overlays; the folder must not lie on an overlay that lies on another, nor, for an ordinary user, hold filesystems that are mounted in it"}
	case syscall.ENODEV:
		return &linux.Obstacle{Why: "this kernel has no overlay filesystem", Fix: "sudo modprobe overlay"}
	case syscall.EPERM:
		return &linux.Obstacle{Why: "overlay in a user namespace needs Linux 5.11"}
	}
	return nil
}
