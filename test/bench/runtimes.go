package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Names of the peers that make a container of the same kind: namespaces and a
// root of its own.
const (
	podmanName = "podman"
	nspawnName = "systemd-nspawn"
)

// sameKind are the peers that make a container of the same kind.
var sameKind = []string{"crun", "runc", podmanName, nspawnName, dockerName}

// aheadOf are budgets that say: less than each of them.
func aheadOf(peers ...string) []budget {
	var out []budget
	for _, p := range peers {
		out = append(out, budget{against: p, limit: 1, below: true})
	}
	return out
}

// onlyRoot says that a peer that is there needs root.
func onlyRoot(missing string) string {
	if missing == "" && os.Geteuid() != 0 {
		return "only measured as root"
	}
	return missing
}

// podmanArgs starts podman on the same root, with the host's network and
// without cgroups, as the other contestants have it. What it keeps goes into the
// workshop. It asks for more open files than a host may allow, unless it is told
// how many. conmon and a last podman tidy up when the first has ended; that is
// nobody's time, but waited for.
func (w *workshop) podmanArgs(argv []string) starter {
	path, missing := find(podmanName)
	s := starter{name: podmanName, missing: onlyRoot(missing), late: w.awaitLate}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		s.missing = err.Error()
	}
	home := filepath.Join(w.dir, podmanName)
	args := []string{
		"--root", home + "/root", "--runroot", home + "/run", "--tmpdir", home + "/tmp",
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "crun",
		"run", "--rm", "--network", "host", "--cgroups", "disabled", "--log-driver", "none", "--read-only",
		"--ulimit", fmt.Sprintf("nofile=%d:%d", files.Cur, files.Max), "--ulimit", "nproc=1024:1024",
		"--volume", w.project + ":/work", "--workdir", "/work", "--rootfs", w.rootfs,
	}
	s.command = func() (*exec.Cmd, error) { return exec.Command(path, append(args, argv...)...), nil }
	return s
}

// podmanGroup is what a shell script does with podman: one run for each child, all
// at once.
func (w *workshop) podmanGroup() supervisor {
	s := w.script(podmanName, func(argv []string) string {
		cmd, err := w.podmanArgs(argv).command()
		if err != nil {
			return "false" // it has no way to fail
		}
		return strings.Join(cmd.Args, " ")
	})
	s.missing, s.most, s.elsewhere = w.podmanArgs(nil).missing, 10, true
	s.after = func(string) error { return w.awaitLate() }
	return s
}

// nspawnArgs starts systemd-nspawn on the same root, without a service manager
// to tell about it, and without what it does for a whole system: a time zone, a
// name server, a journal.
func (w *workshop) nspawnArgs(argv []string) starter {
	path, missing := find(nspawnName)
	args := []string{
		"--quiet", "--register=no", "--keep-unit", "--directory=" + w.rootfs, "--read-only", "--bind=" + w.project + ":/work", "--chdir=/work",
		"--timezone=off", "--resolv-conf=off", "--link-journal=no", "--console=pipe", "--kill-signal=SIGTERM",
	}
	return starter{name: nspawnName, missing: onlyRoot(missing), command: func() (*exec.Cmd, error) {
		w.runs++
		machine := fmt.Sprintf("--machine=lanyard-bench-%d-%d", os.Getpid(), w.runs)
		return exec.Command(path, append(append(args, machine), argv...)...), nil
	}}
}
