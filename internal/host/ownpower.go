package host

import (
	"fmt"
	"os"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// ForeignPower says that this program has other ids than whoever started it, by a
// setuid or setgid bit (execve(2)); nil if not. It decides by who it is what
// project files may make it do, so its caller could do anything. File
// capabilities reach no container, and are no such thing.
func ForeignPower() *linux.Obstacle {
	if os.Getuid() == os.Geteuid() && os.Getgid() == os.Getegid() {
		return nil
	}
	return &linux.Obstacle{
		Why: fmt.Sprintf("this program is uid %d, gid %d, and was started by uid %d, gid %d, as with a setuid bit: who may start it so could do anything with it",
			os.Geteuid(), os.Getegid(), os.Getuid(), os.Getgid()),
		Fix: "sudo chmod ug-s " + program() + ", and sudo lanyard … instead",
	}
}

// unreadable says that whoever runs this program may not read it: the kernel then
// keeps its processes from him (proc(5), PR_SET_DUMPABLE of prctl(2)), also the
// files in which ids are mapped. nil if he may.
func unreadable() *linux.Obstacle {
	f, err := os.Open("/proc/self/exe")
	if err == nil {
		f.Close()
		return nil
	}
	path := program()
	return &linux.Obstacle{
		Why: fmt.Sprintf("uid %d can't read %s, this program, so the kernel has only root map ids of its processes", os.Geteuid(), path),
		Fix: "sudo chmod a+r " + path,
	}
}

// program is the path of this program.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return "lanyard"
	}
	return path
}
