package container

import (
	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// DefaultCaps are the capabilities of a container's root: Podman's default set
// (containers.conf(5), default_capabilities). Bit n is capability n.
const DefaultCaps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER | 1<<unix.CAP_FSETID |
	1<<unix.CAP_KILL | 1<<unix.CAP_NET_BIND_SERVICE | 1<<unix.CAP_SETFCAP | 1<<unix.CAP_SETGID |
	1<<unix.CAP_SETPCAP | 1<<unix.CAP_SETUID | 1<<unix.CAP_SYS_CHROOT

// useFuse tells the stage of fuse-overlayfs. What fuse-overlayfs writes for the command is no
// memory of the command's cgroup, so the limit is one on the layer as well. In
// that cgroup it would be a victim of a lack of memory, or wait for that of a
// command which waits for an answer.
func (s *Spec) useFuse() {
	s.Stage.Root.FuseOverlay = host.FuseOverlay()
	if s.Limits.Memory != nil {
		s.Stage.Root.LayerSize = uint64(*s.Limits.Memory)
	}
}

// Privileged says that we are root of this machine. Root of a user namespace
// that was made for it (unshare(1), a rootless container) can do no more for a
// container than an ordinary user: no mknod, no sysfs, perhaps one id. Nor can
// root without CAP_SYS_ADMIN, as in a container.
func Privileged() bool { return linux.MachineRoot() }
