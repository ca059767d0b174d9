package host

import (
	"os"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// settings are what the machine's owner, or whoever started this process, has
// decided.
type settings struct {
	usernsClone  string // kernel.unprivileged_userns_clone, of Debian's kernels; "" where there is none
	maxUserNS    string // user.max_user_namespaces
	appArmor     string // kernel.apparmor_restrict_unprivileged_userns, of Ubuntu's
	seccomp      bool   // system calls of this process are filtered
	around       string // the kind of container that this process is in: Docker, Podman, or what it calls itself; "" for none
	effectiveUID int
	unreadable   *linux.Obstacle
}

func readSettings() settings {
	return settings{
		usernsClone: sysctl("kernel/unprivileged_userns_clone"), maxUserNS: sysctl("user/max_user_namespaces"),
		appArmor: sysctl("kernel/apparmor_restrict_unprivileged_userns"),
		seccomp:  filtered(), around: around(), effectiveUID: os.Geteuid(),
		unreadable: unreadable(),
	}
}

func sysctl(name string) string {
	data, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// filtered says whether a seccomp filter judges our system calls (proc_pid_status(5)).
func filtered() bool {
	data, err := os.ReadFile("/proc/self/status")
	return err == nil && strings.Contains(string(data), "\nSeccomp:\t2\n")
}

// around names what this process is in. The files are Docker's and Podman's, the
// variable is what systemd-nspawn, LXC and others give their first process
// (https://systemd.io/CONTAINER_INTERFACE), and systemd writes it down.
func around() string {
	if _, err := os.Stat("/run/.containerenv"); err == nil {
		return "Podman"
	}
	if _, err := os.Stat("/.dockerenv"); err == nil {
		return "Docker"
	}
	for _, name := range []string{"/run/systemd/container", "/proc/1/environ"} {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		text := string(data)
		if name == "/proc/1/environ" {
			_, text, _ = strings.Cut("\x00"+text, "\x00container=")
			text, _, _ = strings.Cut(text, "\x00")
		}
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	if data, err := os.ReadFile("/proc/1/cgroup"); err == nil && strings.Contains(string(data), "/docker") {
		return "Docker"
	}
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return "Kubernetes"
	}
	return ""
}
