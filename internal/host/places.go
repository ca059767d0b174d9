package host

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// runFolder tells where a run writes down what has to be removed after it.
func runFolder(check func() (string, error)) Finding {
	const name = "run-folder"
	path, err := check()
	uid := os.Geteuid()
	switch {
	case err != nil:
		return blocked(name, No, linux.ObstacleOf(err))
	case uid != 0 && !filepath.IsAbs(os.Getenv("XDG_RUNTIME_DIR")):
		return Finding{name, Partly, "XDG_RUNTIME_DIR is not set, so it is " + path + ", which is not removed when you log out, and systemd --user can't be asked for a cgroup",
			fmt.Sprintf("sudo loginctl enable-linger %d && export XDG_RUNTIME_DIR=/run/user/%d", uid, uid)}
	}
	return yes(name, path)
}

// project tells what the mount of the project folder forbids to programs in it.
func project(path string) Finding {
	const name = "project-folder"
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Finding{name, No, fmt.Sprintf("cannot look at %s: %v", path, err), ""}
	}
	switch {
	case st.Flags&unix.MS_NOEXEC != 0:
		return blocked(name, Partly, &rootfs.NoExec)
	case st.Flags&unix.MS_NOSUID != 0:
		return Finding{name, Partly, "the project folder is on a filesystem mounted nosuid, so setuid programs in it have no more power than who runs them",
			"sudo mount -o remount,suid $(findmnt -no TARGET -T .)"}
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
	if f.userErr != nil || f.nsErr != nil || f.tried[tryProc] != 0 {
		fix = f.openUp()
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
