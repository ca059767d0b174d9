package host

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// Clone says what stands in the way of new namespaces, of which one may be a user
// namespace, given the error of clone(2) or of writing its maps; nil if that is
// not known.
func Clone(err error, userNS bool) *linux.Obstacle {
	return readSettings().clone(err, userNS)
}

// Inside says what stands in the way of a step in a new user namespace that the
// kernel refused; nil if nothing is known to.
func Inside(err error) *linux.Obstacle {
	return readSettings().inside(err)
}

// Mounting says what stands in the way of the first mount in namespaces of ours;
// nil if nothing is known to. A filter may as well kill who tries it (SIGSYS).
func Mounting(err error, userNS bool) *linux.Obstacle {
	return readSettings().mounting(err, userNS)
}

// walled says that the filter and the profile of a container around us are what
// refuses. The machine's AppArmor has no say in that, although its setting is seen
// in there too: it is about programs without a profile.
func (s settings) walled() bool { return s.seccomp && s.around != "" }

func (s settings) inside(err error) *linux.Obstacle {
	if s.appArmor == "1" && !s.walled() && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES)) {
		return &linux.Obstacle{
			Why: "AppArmor gives programs without a profile no power in their user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
			Fix: "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for lanyard with the rule 'userns,'",
		}
	}
	return nil
}

func (s settings) mounting(err error, userNS bool) *linux.Obstacle {
	if o := s.inside(err); o != nil && userNS {
		return o
	}
	if !s.seccomp {
		return nil
	}
	return &linux.Obstacle{
		Why: "a seccomp filter or a security module forbids mounts" + s.place() + ", of which containers are made",
		Fix: s.openUp("an empty SystemCallFilter="),
	}
}

func (s settings) clone(err error, userNS bool) *linux.Obstacle {
	refused := errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES)
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EUSERS)
	if !userNS {
		switch {
		case refused:
			return &linux.Obstacle{Why: "a seccomp filter or a security module forbids namespaces" + s.place(), Fix: s.openUp("RestrictNamespaces=no")}
		case full:
			return tooMany()
		}
		return nil
	}
	switch {
	case refused && s.usernsClone == "0":
		return &linux.Obstacle{
			Why: "this machine forbids user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0)",
			Fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1",
		}
	case full && s.maxUserNS == "0":
		return &linux.Obstacle{
			Why: "this machine allows no user namespaces (user.max_user_namespaces is 0)",
			Fix: "sudo sysctl -w user.max_user_namespaces=15000",
		}
	case s.unreadable != nil && errors.Is(err, syscall.EACCES): // of writing the maps
		return s.unreadable
	case s.inside(err) != nil:
		return s.inside(err)
	case full:
		return tooMany()
	case refused && s.seccomp:
		return &linux.Obstacle{Why: "a seccomp filter forbids user namespaces" + s.place(), Fix: s.openUp("RestrictNamespaces=no")}
	case refused:
		return &linux.Obstacle{
			Why: "something forbids user namespaces: a chroot around this process, or a security module",
			Fix: "run lanyard outside of the chroot",
		}
	case errors.Is(err, syscall.EINVAL):
		return &linux.Obstacle{Why: "this kernel was built without user namespaces (CONFIG_USER_NS)"}
	}
	return nil
}

// place names the container around us.
func (s settings) place() string {
	if s.around == "" {
		return ""
	}
	return " in this container of " + s.around
}

// openUp is how to start the container around us so that it can have containers,
// or the unit of systemd, which sets those lines. An ordinary user needs less of a
// container than root, who makes no user namespace.
func (s settings) openUp(lines string) string {
	docker := "docker run --privileged …"
	if s.effectiveUID != 0 {
		docker = "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …"
	}
	switch {
	case s.around == "":
		return "in a unit of systemd: " + lines + "; in a container of Docker: " + docker
	case s.around == "Docker":
		return docker
	case s.around == "Podman" && s.effectiveUID != 0:
		return "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …"
	case s.around == "Podman":
		return "podman run --privileged …"
	case s.around == "Kubernetes":
		return "securityContext: {privileged: true} in the pod"
	case s.around == "lxc":
		return "security.nesting=true for the container (Incus, LXD), or the feature nesting=1 (Proxmox)"
	}
	return "let the container of " + s.around + " make namespaces and mount filesystems"
}

// tooMany is about the limits of namespaces(7), each of which counts for a user.
func tooMany() *linux.Obstacle {
	o := &linux.Obstacle{Why: "there are as many namespaces as this machine allows (", Fix: "sudo sysctl -w"}
	for i, kind := range [...]string{"user", "mnt", "pid", "ipc", "uts"} {
		name := "max_" + kind + "_namespaces"
		now, _ := strconv.Atoi(sysctl("user/" + name))
		if i > 0 {
			o.Why += ", "
		}
		o.Why += fmt.Sprintf("%s %d", name, now)
		o.Fix += fmt.Sprintf(" user.%s=%d", name, max(15000, 2*now))
	}
	o.Why += ")"
	return o
}

// mountProc says what stands in the way of a proc.
func (s settings) mountProc(err error) *linux.Obstacle {
	if o := s.inside(err); o != nil {
		return o
	}
	if errors.Is(err, unix.EPERM) {
		return &rootfs.ProcHidden
	}
	return nil
}
