package host

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// FuseOverlay is the absolute path of fuse-overlayfs(1), which lays layers over
// each other where the kernel refuses to; "" if it is not installed.
var FuseOverlay = sync.OnceValue(func() string {
	path, err := exec.LookPath("fuse-overlayfs")
	if err != nil {
		return ""
	}
	return path
})

// fuse tells whether there is a way around an overlay that the kernel refuses.
func (f *facts) fuse() Finding {
	const name = "fuse-overlayfs"
	if !f.userNS {
		return yes(name, "root does without it")
	}
	if FuseOverlay() == "" {
		return blocked(name, Partly, rootfs.NoFuseOverlay())
	}
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		return blocked(name, Partly, rootfs.FuseRefused(errno))
	}
	device.Close()
	return yes(name, FuseOverlay()+" is used where the kernel refuses an overlay, as for write-mode: transient of host: true")
}
