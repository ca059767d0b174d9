package main

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// dict is a JSON object of the OCI runtime specification.
type dict = map[string]any

// podmanCaps are the capabilities of a container by default.
var podmanCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// writeBundle writes an OCI bundle: the default container of Lanyard as far
// as the specification can say it.
func (w *workshop) writeBundle(bundle string, argv []string, limited bool) error {
	if err := os.Mkdir(bundle, 0o755); err != nil {
		return err
	}
	config := dict{
		"ociVersion": "1.0.0",
		"process": dict{
			"user": dict{"uid": 0, "gid": 0}, "args": argv, "cwd": "/work",
			"env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb"},
			"capabilities": dict{
				"bounding": podmanCaps, "effective": podmanCaps, "permitted": podmanCaps,
			},
		},
		"root":   dict{"path": w.rootfs, "readonly": true},
		"mounts": w.ociMounts(),
		"linux":  ociLinux(limited),
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bundle, "config.json"), data, 0o644)
}

func (w *workshop) ociMounts() []dict {
	mount := func(destination, kind, source string, options ...string) dict {
		return dict{"destination": destination, "type": kind, "source": source, "options": options}
	}
	sys := mount("/sys", "bind", "/sys", "bind", "ro", "nosuid", "nodev", "noexec")
	if os.Geteuid() != 0 {
		sys = mount("/sys", "bind", "/sys", "rbind", "ro", "nosuid", "nodev", "noexec")
	}
	return []dict{
		mount("/proc", "proc", "proc", "nosuid", "nodev", "noexec"),
		sys,
		mount("/dev", "tmpfs", "tmpfs", "nosuid", "mode=755"),
		mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
		mount("/dev/shm", "tmpfs", "shm", "nosuid", "nodev", "noexec", "mode=1777"),
		mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", "size=100m"),
		mount("/run", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=0755"),
		mount("/work", "bind", w.project, "rbind", "rw", "nodev"),
		mount("/etc/resolv.conf", "bind", "/etc/resolv.conf", "bind", "ro"),
		mount("/etc/hosts", "bind", "/etc/hosts", "bind", "ro"),
	}
}

func ociLinux(limited bool) dict {
	namespaces := []dict{
		{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "cgroup"},
	}
	linux := dict{
		"maskedPaths": []string{
			"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
			"/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		},
		"readonlyPaths": []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
	}
	if uid := os.Geteuid(); uid != 0 {
		namespaces = append(namespaces, dict{"type": "user"})
		linux["uidMappings"] = []dict{{"containerID": 0, "hostID": uid, "size": 1}}
		linux["gidMappings"] = []dict{{"containerID": 0, "hostID": os.Getegid(), "size": 1}}
	}
	linux["namespaces"] = namespaces
	if limited {
		linux["resources"] = dict{
			"memory": dict{"limit": limitMemory},
			"cpu":    dict{"quota": limitCPUs * 100_000, "period": 100_000},
			"pids":   dict{"limit": limitPids},
		}
	}
	return linux
}
