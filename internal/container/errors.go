package container

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// cloneError says which step of the clone failed and which setting of the host
// forbids it, with the command that allows it.
func cloneError(err error, userNS bool) error {
	e := linux.Fail("clone a process into new namespaces", "", err)
	if !userNS {
		switch {
		case errors.Is(err, syscall.EPERM):
			e.Detail = "root without CAP_SYS_ADMIN may not make namespaces; inside another container that one must allow it (docker: --privileged, or --cap-add SYS_ADMIN with an unconfined seccomp and AppArmor profile)"
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EUSERS):
			e.Detail = limitText()
		}
		return e
	}
	e.Step = "clone a process into a new user namespace"
	switch {
	case setting("kernel/unprivileged_userns_clone") == "0":
		e.Detail = "this kernel forbids user namespaces to ordinary users; allow them: sudo sysctl kernel.unprivileged_userns_clone=1"
	case setting("user/max_user_namespaces") == "0":
		e.Detail = "this host allows no user namespaces; allow them: sudo sysctl user.max_user_namespaces=15000"
	case setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
		e.Detail = "AppArmor restricts user namespaces here; allow them: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give lanyard an AppArmor profile with the rule 'userns,'"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EUSERS):
		e.Detail = limitText()
	case errors.Is(err, syscall.EPERM):
		e.Detail = "something forbids user namespaces: a seccomp profile of a container around this one (docker: --security-opt seccomp=unconfined), or a chroot"
	case errors.Is(err, syscall.EINVAL):
		e.Detail = "this kernel was built without user namespaces (CONFIG_USER_NS)"
	}
	return e
}

func limitText() string {
	return fmt.Sprintf("a limit on namespaces is reached, see /proc/sys/user/max_*_namespaces (user: %s, mnt: %s, pid: %s)",
		setting("user/max_user_namespaces"), setting("user/max_mnt_namespaces"), setting("user/max_pid_namespaces"))
}

func setting(name string) string {
	data, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func procPath(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
