package host

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// runFolder tells where a run writes down what has to be removed after it.
func runFolder(check func() (string, error)) Finding {
	const name = "run-folder"
	path, err := check()
	switch {
	case err != nil:
		return blocked(name, No, linux.ObstacleOf(err))
	case os.Geteuid() != 0 && !filepath.IsAbs(os.Getenv("XDG_RUNTIME_DIR")):
		return temporary(name, path)
	}
	return yes(name, path)
}

// temporary is about a run folder in /tmp. A relative path is none, as the
// specification of XDG_RUNTIME_DIR says (XDG Base Directory Specification).
func temporary(name, path string) Finding {
	why, fix := "XDG_RUNTIME_DIR is not set", ""
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		why, fix = fmt.Sprintf("XDG_RUNTIME_DIR is relative (%s), and so ignored", dir), "unset XDG_RUNTIME_DIR, or export it with an absolute path"
	}
	why += ", so it is " + path
	switch better := betterRuntimeDir(); {
	case better != "":
		fix = better
	case fix == "":
		return yes(name, why)
	}
	return Finding{name, Partly, why + ", which is not removed when you log out", fix}
}

// runtimeDir is the runtime directory that systemd makes for this user (pam_systemd(8)).
func runtimeDir() string { return fmt.Sprintf("/run/user/%d", os.Geteuid()) }

// betterRuntimeDir is the command that gives this user that one; "" where nobody
// makes it.
func betterRuntimeDir() string {
	command := "export XDG_RUNTIME_DIR=" + runtimeDir()
	switch {
	case exists(runtimeDir()):
		return command
	case cgroup.Booted():
		return fmt.Sprintf("sudo loginctl enable-linger %d && %s", os.Geteuid(), command)
	}
	return ""
}

// OtherRunFolder is how an ordinary user gets another folder for run folders than
// path, in which none can be made.
func OtherRunFolder(path string) string {
	better := betterRuntimeDir()
	switch dir := filepath.Dir(path); {
	case better != "" && (dir != runtimeDir() || !exists(dir)):
		return better + ", or export it with another folder of yours"
	case dir == "/tmp":
		return "export XDG_RUNTIME_DIR with a folder of yours"
	}
	return "unset XDG_RUNTIME_DIR, or export it with a folder of yours"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// project tells what the mount of the project folder forbids to programs in it. A
// user's containers give no setuid program more power anyway (no_new_privs).
func project(path string, userNS bool) Finding {
	const name = "project-folder"
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Finding{name, No, fmt.Sprintf("cannot look at %s: %v", path, err), ""}
	}
	switch {
	case st.Flags&unix.MS_NOEXEC != 0:
		return blocked(name, Partly, rootfs.NoExec(path))
	case st.Flags&unix.MS_NOSUID != 0 && !userNS:
		return Finding{name, Partly, "the project folder is on a filesystem mounted nosuid, so setuid programs in it have no more power than who runs them",
			linux.Remount("suid", path)}
	}
	return yes(name, "programs in "+path+" can be executed")
}

// ownHost tells whether another container is around this process.
func (f *facts) ownHost() Finding {
	const name = "own-host"
	if f.around == "" {
		return yes(name, "no other container is around this process")
	}
	fix := ""
	if f.userErr != nil || f.nsErr != nil || f.tried[tryMounts] != 0 || f.tried[tryProc] != 0 {
		fix = f.openUp("")
	}
	return Finding{name, Partly, "this process is in a container of " + f.around + ", and what that one forbids is forbidden here", fix}
}

// start tells whether containers really start.
func start(try func() error) Finding {
	if err := try(); err != nil {
		return blocked(Start, No, linux.ObstacleOf(err))
	}
	return yes(Start, "three containers of this machine's own system ran at once")
}
