package host

import (
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// TestObstacles: what each errno means on a host with these settings. What can be
// made on a real kernel is in test/doctor too.
func TestObstacles(t *testing.T) {
	for _, c := range []struct {
		settings
		errno    syscall.Errno
		userNS   bool
		why, fix string // beginnings; "" for nothing known
	}{
		{settings{usernsClone: "0"}, syscall.EPERM, true, "this machine forbids user namespaces to ordinary users", "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{settings{usernsClone: "1", maxUserNS: "0"}, syscall.ENOSPC, true, "this machine allows no user namespaces", "sudo sysctl -w user.max_user_namespaces=15000"},
		{settings{maxUserNS: "0"}, syscall.EPERM, true, "something forbids user namespaces: a chroot", "run lanyard outside"},
		{settings{maxUserNS: "5"}, syscall.ENOSPC, true, "there are as many namespaces as this machine allows", "sudo sysctl -w user.max_user_namespaces="},
		{settings{}, syscall.EUSERS, true, "there are as many namespaces", "sudo sysctl"},
		{settings{appArmor: "1"}, syscall.EACCES, true, "AppArmor gives programs without a profile no power", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
		{settings{appArmor: "1", maxUserNS: "0"}, syscall.ENOSPC, true, "this machine allows no user namespaces", "sudo sysctl"},
		{settings{appArmor: "1", seccomp: true, around: "Docker", effectiveUID: 1}, syscall.EPERM, true,
			"a seccomp filter forbids user namespaces in this container of Docker", "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined"},
		{settings{appArmor: "1", seccomp: true}, syscall.EPERM, true, "AppArmor", "sudo sysctl"},
		{settings{appArmor: "1", around: "Docker"}, syscall.EPERM, true, "AppArmor", "sudo sysctl"},
		{settings{appArmor: "0", seccomp: true, around: "Docker", effectiveUID: 1}, syscall.EPERM, true,
			"a seccomp filter forbids user namespaces in this container of Docker", "docker run --security-opt seccomp=unconfined"},
		{settings{seccomp: true, effectiveUID: 1}, syscall.EPERM, true, "a seccomp filter forbids user namespaces", "in a unit of systemd: RestrictNamespaces=no; in a container of Docker: docker run --security-opt"},
		{settings{seccomp: true}, syscall.EPERM, true, "a seccomp filter forbids user namespaces", "in a unit of systemd: RestrictNamespaces=no; in a container of Docker: docker run --privileged"},
		{settings{seccomp: true, around: "Kubernetes"}, syscall.EPERM, true, "a seccomp filter forbids user namespaces in this container of Kubernetes", "securityContext"},
		{settings{}, syscall.EINVAL, true, "this kernel was built without user namespaces", ""},
		{settings{}, syscall.ENOMEM, true, "", ""},
		{settings{appArmor: "1", unreadable: &linux.Obstacle{Why: "can't be read", Fix: "chmod"}}, syscall.EACCES, true, "can't be read", "chmod"},
		{settings{appArmor: "1", unreadable: &linux.Obstacle{Why: "can't be read", Fix: "chmod"}}, syscall.EPERM, true, "AppArmor", "sudo sysctl"},
		{settings{}, syscall.EPERM, false, "a seccomp filter or a security module forbids namespaces", "in a unit of systemd: RestrictNamespaces=no; in a container of Docker: docker run --privileged"},
		{settings{around: "Docker"}, syscall.EPERM, false, "a seccomp filter or a security module forbids namespaces in this container of Docker", "docker run --privileged"},
		{settings{around: "lxc"}, syscall.EPERM, false, "a seccomp filter or a security module forbids namespaces in this container of lxc", "security.nesting=true"},
		{settings{around: "lxc", seccomp: true, effectiveUID: 1}, syscall.EPERM, true, "a seccomp filter forbids user namespaces in this container of lxc", "security.nesting=true"},
		{settings{around: "other"}, syscall.EPERM, false, "a seccomp filter or a security module forbids namespaces in this container of other", "let the container of other"},
		{settings{around: "Podman", seccomp: true}, syscall.EPERM, false, "a seccomp filter or a security module forbids namespaces in this container of Podman", "podman run --privileged"},
		{settings{maxUserNS: "0"}, syscall.ENOSPC, false, "there are as many namespaces", "sudo sysctl"},
		{settings{}, syscall.EAGAIN, false, "", ""},
	} {
		o := c.clone(c.errno, c.userNS)
		switch {
		case o == nil && c.why != "", o != nil && c.why == "":
			t.Errorf("%v on %+v gives %+v, want %q", c.errno, c.settings, o, c.why)
		case o != nil && (!strings.HasPrefix(o.Why, c.why) || !strings.HasPrefix(o.Fix, c.fix) || c.fix == "" && o.Fix != ""):
			t.Errorf("%v on %+v gives %+v, want %q and %q", c.errno, c.settings, o, c.why, c.fix)
		}
	}
}

// TestMountingObstacles: AppArmor has no say in what root does.
func TestMountingObstacles(t *testing.T) {
	for _, c := range []struct {
		settings
		userNS bool
		why    string // its beginning; "" for nothing known
	}{
		{settings{}, true, ""},
		{settings{appArmor: "1", seccomp: true}, true, "AppArmor"},
		{settings{appArmor: "1", seccomp: true}, false, "a seccomp filter or a security module forbids mounts"},
		{settings{appArmor: "1", seccomp: true, around: "Docker"}, true, "a seccomp filter or a security module forbids mounts in this container of Docker, of which containers are made"},
	} {
		why := ""
		if o := c.mounting(unix.EPERM, c.userNS); o != nil {
			why = o.Why
		}
		if !strings.HasPrefix(why, c.why) || (c.why == "") != (why == "") {
			t.Errorf("%+v gives %q, want %q", c.settings, why, c.why)
		}
	}
}

// TestMountProcObstacles: the setting of AppArmor is the machine's, and seen in a
// container too, whose filter or masks refuse.
func TestMountProcObstacles(t *testing.T) {
	for _, c := range []struct {
		settings
		errno syscall.Errno
		why   string // its beginning; "" for nothing known
	}{
		{settings{}, syscall.EPERM, "parts of /proc are masked or read-only here"},
		{settings{appArmor: "1"}, syscall.EPERM, "AppArmor"},
		{settings{appArmor: "1", seccomp: true, around: "Docker"}, syscall.EPERM, "parts of /proc are masked or read-only here"},
		{settings{appArmor: "1", seccomp: true}, syscall.EACCES, "AppArmor"},
		{settings{}, syscall.EACCES, ""},
	} {
		why := ""
		if o := c.mountProc(c.errno); o != nil {
			why = o.Why
		}
		if !strings.HasPrefix(why, c.why) || (c.why == "") != (why == "") {
			t.Errorf("%v on %+v gives %q, want %q", c.errno, c.settings, why, c.why)
		}
	}
}
