package host

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// blocked is a finding about something that does not work.
func blocked(name string, status Status, o *linux.Obstacle) Finding {
	return Finding{name, status, o.Why, o.Fix}
}

// refused is one where the kernel gave err; o is nil if nobody knows why.
func refused(name string, o *linux.Obstacle, err error) Finding {
	if o == nil {
		o = &linux.Obstacle{Why: "the kernel refuses: " + err.Error()}
	}
	return blocked(name, No, o)
}

func (f *facts) userNamespaces() Finding {
	const name = "user-namespaces"
	switch {
	case f.userErr != nil:
		return refused(name, f.clone(f.userErr, true), f.userErr)
	case !f.userNS:
		return yes(name, "one was made; root needs none")
	case f.powerless() && (f.appArmor == "1" || f.walled()):
		return refused(name, f.clone(unix.EPERM, true), unix.EPERM)
	}
	return yes(name, "one was made")
}

// powerless says that nothing at all was allowed in the namespaces.
func (f *facts) powerless() bool {
	for _, errno := range f.tried {
		if errno == 0 {
			return false
		}
	}
	return len(f.tried) > 0
}

func (f *facts) idRanges() Finding {
	const name = "id-ranges"
	switch {
	case !f.userNS:
		return yes(name, "root may use all ids")
	case f.ids.None != nil:
		return Finding{name, Partly, "containers have your own ids only, so packages that chown fail: " + f.ids.None.Why, f.ids.None.Fix}
	case f.userErr != nil:
		return f.untried(name)
	case f.mapErr != nil:
		return blocked(name, No, linux.ObstacleOf(f.mapErr))
	}
	if small := f.ids.Small(); small != nil {
		return blocked(name, Partly, small)
	}
	return yes(name, fmt.Sprintf("newuidmap and newgidmap mapped all of a container's ids to yours: %v of /etc/subuid, %v of /etc/subgid", f.ids.UIDs, f.ids.GIDs))
}

func (f *facts) namespaces() Finding {
	const name = "namespaces"
	switch {
	case f.userNS && f.userErr != nil:
		return f.untried(name)
	case f.nsErr != nil:
		return refused(name, f.clone(f.nsErr, f.userNS), f.nsErr)
	case f.tried[tryMounts] != 0:
		return refused(name, f.mounting(f.tried[tryMounts], f.userNS), f.tried[tryMounts])
	}
	return yes(name, "mount, pid, ipc and uts namespaces were made")
}

// untried is a finding about what needs namespaces that there are not, or that
// nothing can be mounted in.
func (f *facts) untried(name string) Finding {
	want, fix := "namespaces", ""
	var o *linux.Obstacle
	switch errno := f.tried[tryMounts]; {
	case f.userNS && f.userErr != nil:
		o = f.clone(f.userErr, true)
	case errno != 0:
		want, o = "mounts", f.mounting(errno, f.userNS)
	default:
		o = f.clone(f.nsErr, f.userNS)
	}
	if o != nil {
		fix = o.Fix
	}
	return Finding{name, No, "could not be tried, for want of " + want, fix}
}

// judge makes a finding of a try.
func (f *facts) judge(name, try, works string, obstacle func(syscall.Errno) *linux.Obstacle) Finding {
	errno, done := f.tried[try]
	switch {
	case !done:
		return f.untried(name)
	case errno == 0:
		return yes(name, works)
	}
	return refused(name, obstacle(errno), errno)
}

func (f *facts) proc() Finding {
	return f.judge("proc", tryProc, "one was mounted", func(errno syscall.Errno) *linux.Obstacle { return f.mountProc(errno) })
}

func (f *facts) overlay() Finding {
	return f.judge("overlay", tryOverlay, "one was mounted, so write-mode: transient works", func(errno syscall.Errno) *linux.Obstacle {
		if o := f.inside(errno); o != nil {
			return o
		}
		return rootfs.OverlayRefused(errno)
	})
}

func (f *facts) idMapped() Finding {
	return f.judge("idmapped-mounts", tryIDMapped, "the project folder was bound with other ids", func(errno syscall.Errno) *linux.Obstacle {
		switch {
		case errno == unix.EPERM && f.userNS:
			return &linux.Obstacle{Why: "only root may map the ids of a filesystem that root has mounted (mount_setattr(2)); Lanyard does without"}
		case errno == unix.EINVAL:
			return &linux.Obstacle{Why: "the filesystem of the project folder can't, or this kernel is older than Linux 5.12; Lanyard does without"}
		}
		return nil
	})
}

func (f *facts) network() Finding {
	return f.judge("network-namespaces", tryNetwork, "one was made", func(errno syscall.Errno) *linux.Obstacle { return f.clone(errno, f.userNS) })
}

// pidfd tries what every stop depends on.
func pidfd() Finding {
	const name = "pidfd"
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		err = unix.PidfdSendSignal(fd, 0, nil, 0)
		unix.Close(fd)
	}
	switch {
	case errors.Is(err, unix.ENOSYS):
		return Finding{name, No, "this kernel, or a seccomp filter, has no pidfd_open (Linux 5.3)", "a newer kernel, or a newer Docker"}
	case err != nil:
		return refused(name, nil, err)
	}
	return yes(name, "a process was signalled through one")
}
