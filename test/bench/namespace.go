package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// insideVar marks the copy of bench that hideUnified starts.
const insideVar = "LANYARD_BENCH_INSIDE"

// unified is where systemd and others mount cgroup v2 beside v1.
const unified = "/sys/fs/cgroup/unified"

// hideUnified lets the whole benchmark run in a mount namespace of its own
// where the v2 tree beside v1 is not mounted: crun refuses to start anything
// while that tree has controllers. It does nothing elsewhere. outer says that
// this process was only the one outside, and all is done.
func hideUnified() (outer bool, err error) {
	if os.Getenv(insideVar) != "" {
		if err := os.Unsetenv(insideVar); err != nil {
			return false, err
		}
		return false, unix.Unmount(unified, unix.MNT_DETACH)
	}
	data, err := os.ReadFile(unified + "/cgroup.controllers")
	if err != nil || strings.TrimSpace(string(data)) == "" || os.Geteuid() != 0 {
		return false, nil // nothing that crun minds, or that we could hide
	}
	runtime.LockOSThread() // the parent-death signal follows the thread
	inside := exec.Command("/proc/self/exe", os.Args[1:]...)
	inside.Env = append(os.Environ(), insideVar+"=1")
	inside.Stdin, inside.Stdout, inside.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A new mount namespace made this way is private: the host keeps its mount.
	inside.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGTERM}
	if err := inside.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(max(exit.ExitCode(), 1)) // it has said why
		}
		return true, fmt.Errorf("cannot start in a mount namespace: %v", err)
	}
	return true, nil
}
