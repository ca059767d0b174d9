package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// A probe is this program, executed again in new namespaces, which have to be a
// process of their own: a user namespace is for one thread only (unshare(2)). It
// reads its task from its standard input, writes a line "NAME ERRNO" for each
// try, and ends when its input does, or with its parent.

// argv0 is the whole argument vector of a probe.
const argv0 = "lanyard-probe"

// namespaceFD is a descriptor of a probe: a user namespace, for idmapped mounts.
const namespaceFD = 3

func init() {
	if len(os.Args) == 1 && os.Args[0] == argv0 {
		runtime.LockOSThread()
		probe()
	}
}

// namespaces of a container, besides a user namespace.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// newProbe is a probe in namespaces of its own, which is not started yet.
func newProbe(flags uintptr) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Env, cmd.Dir = []string{argv0}, []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setsid: true}
	return cmd
}

// ownIDs maps the caller to root.
func ownIDs(attr *syscall.SysProcAttr) {
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
}

// results are what the tries of a probe gave, by name; 0 is success.
type results map[string]syscall.Errno

// try runs the tries in the namespaces of a container. An error says that there
// are none.
func try(userNS bool, namespace *os.File, project string) (results, error) {
	flags := uintptr(namespaces)
	if userNS {
		flags |= unix.CLONE_NEWUSER
	}
	cmd := newProbe(flags)
	if userNS {
		ownIDs(cmd.SysProcAttr)
	}
	if namespace != nil {
		cmd.ExtraFiles = []*os.File{namespace}
	}
	cmd.Stdin = strings.NewReader(fmt.Sprintf("%t %s", userNS, project))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	found := results{}
	for line := range bytes.Lines(out) {
		var name string
		var errno uintptr
		if _, err := fmt.Sscanf(string(line), "%s %d\n", &name, &errno); err == nil {
			found[name] = syscall.Errno(errno)
		}
	}
	if _, done := found[tryMounts]; !done && exit != nil && exit.Sys().(syscall.WaitStatus).Signal() == unix.SIGSYS {
		found[tryMounts] = unix.EPERM // a filter that kills means the same
	}
	return found, nil
}

// The names of tries.
const (
	tryMounts   = "mounts" // any: without it the others are not tried
	tryProc     = "proc"
	tryIDMapped = "idmapped"
	tryNetwork  = "network"
	tryOverlay  = "overlay"
)

// probe is the whole life of a probe.
func probe() {
	task, err := io.ReadAll(os.Stdin)
	if err != nil || len(task) == 0 {
		os.Exit(0)
	}
	word, project, _ := strings.Cut(string(task), " ")
	tell(tryNetwork, unix.Unshare(unix.CLONE_NEWNET))
	err = rootfs.MakeSlave()
	tell(tryMounts, err)
	if err != nil {
		os.Exit(0)
	}
	tell(tryProc, rootfs.TryProc())
	tell(tryIDMapped, rootfs.TryIDMapped(project, namespaceFD))
	tell(tryOverlay, rootfs.TryOverlay(word == "true"))
	os.Exit(0)
}

func tell(name string, err error) {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = syscall.EINVAL
	}
	fmt.Printf("%s %d\n", name, errno)
}
