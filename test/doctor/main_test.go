// Package doctor_test makes hosts that forbid something, each in namespaces of
// its own, and holds `lanyard _doctor` and a start that fails there to the same
// words.
package doctor_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestMain: called as confined the binary makes the place that its words
// describe, up to "--", and becomes lanyard there.
func TestMain(m *testing.M) {
	if os.Args[0] == "confined" {
		if err := confine(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "confined:", err)
			os.Exit(99)
		}
	}
	testkit.Main(m, cli.Main)
}

func confine(words []string) error {
	runtime.LockOSThread() // capabilities are a thread's
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return err
	}
	program := "/proc/self/exe"
	for i := 0; words[i] != "--"; {
		verb, n := words[i], 0
		arg := func() string { n++; return words[i+n] }
		var err error
		switch verb {
		case "bind": // bind SOURCE TARGET
			err = unix.Mount(arg(), arg(), "", unix.MS_BIND, "")
		case "tmpfs": // tmpfs TARGET
			err = unix.Mount("tmpfs", arg(), "tmpfs", 0, "mode=755")
		case "mkdir": // mkdir FOLDER
			err = os.MkdirAll(arg(), 0o755)
		case "write": // write FILE TEXT
			err = os.WriteFile(arg(), []byte(arg()), 0o644)
		case "chmod": // chmod MODE FILE
			mode, _ := strconv.ParseUint(arg(), 8, 32)
			err = os.Chmod(arg(), os.FileMode(mode))
		case "cgroup": // cgroup FOLDER, which is entered
			err = os.WriteFile(arg()+"/cgroup.procs", []byte("0"), 0)
		case "attr": // attr NAME TARGET: of the mount there, and of those below it
			flags := map[string]uint64{"ro": unix.MOUNT_ATTR_RDONLY, "noexec": unix.MOUNT_ATTR_NOEXEC, "nosuid": unix.MOUNT_ATTR_NOSUID}
			set := unix.MountAttr{Attr_set: flags[arg()]}
			err = unix.MountSetattr(unix.AT_FDCWD, arg(), unix.AT_RECURSIVE, &set)
		case "root": // root FOLDER: it becomes the root, with all that is in the old one
			err = newRoot(arg())
		case "dropcaps": // all but those that Docker leaves to root
			err = dropCaps()
		case "filter": // as Docker's default
			err = filter(unix.EPERM, 0x7e020000) // CLONE_NEW*
		case "powerless": // namespaces, but nothing may be done in them
			err = filter(unix.EACCES, 0)
		case "nomounts": // nomounts ACTION: kill, or errno for EPERM
			action := uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.EPERM)
			if arg() == "kill" {
				action = unix.SECCOMP_RET_KILL_PROCESS
			}
			err = mountFilter(action)
		case "uid": // uid N: of the user and the group
			id, _ := strconv.Atoi(arg())
			if err = syscall.Setgroups(nil); err == nil {
				err = syscall.Setresgid(id, id, id)
			}
			if err == nil {
				err = syscall.Setresuid(id, id, id)
			}
		case "setuid", "setgid": // setuid N, setgid N: whoever has the id N runs a file of root's with that bit
			id, _ := strconv.Atoi(arg())
			uid, gid := id, id
			if verb == "setuid" {
				uid = 0
			} else {
				gid = 0
			}
			if err = syscall.Setgroups(nil); err == nil {
				err = syscall.Setresgid(id, gid, gid)
			}
			if err == nil {
				err = syscall.Setresuid(id, uid, uid)
			}
		case "program": // program FILE, which lanyard is started of
			program = arg()
		default:
			err = fmt.Errorf("what is that")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(words[i:i+n+1], " "), err)
		}
		i += n + 1
		words = words[i:]
		i = 0
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	return syscall.Exec(program, append([]string{"lanyard"}, words[1:]...), os.Environ())
}
