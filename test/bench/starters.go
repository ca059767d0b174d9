package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// starter is a program that starts one container.
type starter struct {
	name    string
	missing string
	// command makes a fresh command that runs the container once.
	command func() (*exec.Cmd, error)
	late    func() error // waits for what goes on after the program has ended; may be nil
}

// contestant measures a starter.
func (s starter) contestant(measure func(*exec.Cmd) ([]float64, error)) contestant {
	return contestant{name: s.name, missing: s.missing, measure: func() ([]float64, error) {
		cmd, err := s.command()
		if err != nil {
			return nil, err
		}
		values, err := measure(cmd)
		if s.late != nil {
			err = errors.Join(err, s.late())
		}
		return values, err
	}}
}

// contestants measures each of them in the same way.
func contestants(measure func(*exec.Cmd) ([]float64, error), starters ...starter) []contestant {
	var out []contestant
	for _, s := range starters {
		out = append(out, s.contestant(measure))
	}
	return out
}

// lanyardArgs starts lanyard itself.
func (w *workshop) lanyardArgs(args ...string) starter {
	s := starter{name: lanyardName, command: func() (*exec.Cmd, error) {
		return exec.Command(w.lanyard, args...), nil
	}}
	if w.lanyard == "" {
		s.missing = "the lanyard binary is not there; build it, or name it with -lanyard"
	}
	return s
}

// bareArgs starts the bare container.
func (w *workshop) bareArgs(argv []string) starter {
	return starter{name: "bare", command: func() (*exec.Cmd, error) {
		return exec.Command(w.bare, append([]string{w.rootfs}, argv...)...), nil
	}}
}

// cloneName is bare without its own outer half: bench clones the inner one, as
// a supervisor that is running already does.
const cloneName = "bare, cloned in place"

// cloneArgs starts the inner half of bare. Its argv[0] is what
// test/bench/bare knows itself by.
func (w *workshop) cloneArgs(argv []string) starter {
	s := starter{name: cloneName, command: func() (*exec.Cmd, error) {
		cmd := exec.Command(w.bare)
		cmd.Args = append([]string{"bare-child", w.rootfs}, argv...)
		cmd.SysProcAttr = &unix.SysProcAttr{
			Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC |
				unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		}
		return cmd, nil
	}}
	if os.Geteuid() != 0 {
		s.missing = "only measured as root"
	}
	return s
}

// hostArgs starts the probe without any container: what the kernel and this
// machine's load cost alone.
func (w *workshop) hostArgs(argv []string) starter {
	args := make([]string, 0, len(argv))
	for _, a := range argv[1:] {
		if rest, inWork := strings.CutPrefix(a, "/work/"); inWork {
			a = filepath.Join(w.project, rest)
		}
		args = append(args, a)
	}
	return starter{name: "no container", command: func() (*exec.Cmd, error) {
		return exec.Command(filepath.Join(w.rootfs, probePath), args...), nil
	}}
}

// bwrapArgs starts bubblewrap with the same namespaces and the closest
// mounts it can make.
func (w *workshop) bwrapArgs(argv []string) starter {
	path, missing := find("bwrap")
	args := []string{
		"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--die-with-parent",
		"--ro-bind", w.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys",
		"--tmpfs", "/tmp", "--tmpfs", "/run", "--bind", w.project, "/work",
		"--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf", "--ro-bind", "/etc/hosts", "/etc/hosts",
		"--chdir", "/work", "--",
	}
	return starter{name: "bwrap", missing: missing, command: func() (*exec.Cmd, error) {
		return exec.Command(path, append(args, argv...)...), nil
	}}
}

// ociArgs starts an OCI runtime, crun or runc, on a bundle for argv. What
// they keep about a container goes into the workshop.
func (w *workshop) ociArgs(runtime string, argv []string, limited bool) starter {
	path, missing := find(runtime)
	if missing != "" {
		return starter{name: runtime, missing: missing}
	}
	w.bundles++
	bundle := filepath.Join(w.dir, fmt.Sprintf("bundle%d", w.bundles))
	if err := w.writeBundle(bundle, argv, limited); err != nil {
		return starter{name: runtime, missing: err.Error()}
	}
	global := []string{"--root", filepath.Join(w.dir, runtime)}
	if runtime == "crun" {
		manager := "disabled"
		if limited {
			manager = "cgroupfs"
		}
		global = append(global, "--cgroup-manager="+manager)
	}
	return starter{name: runtime, command: func() (*exec.Cmd, error) {
		w.runs++
		id := fmt.Sprintf("lanyard-bench-%d-%d", os.Getpid(), w.runs)
		return exec.Command(path, append(global, "run", "--bundle", bundle, id)...), nil
	}}
}

// find looks a peer up; the second result says why it cannot take part.
func find(name string) (path, missing string) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", "not installed"
	}
	return path, ""
}
