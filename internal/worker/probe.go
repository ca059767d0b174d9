package worker

import (
	"fmt"
	"os"

	"github.com/lanyard-dev/lanyard/internal/container"
	"golang.org/x/sys/unix"
)

// canOverlay tries what layers, and roots under construction, need of a
// filesystem: whiteouts, marks of opaque folders, and that overlayfs takes it for
// what is written to (Documentation/filesystems/overlayfs.rst; NFS, FUSE and
// overlayfs itself are none). It leaves the working directory.
func canOverlay(dir string) (bool, error) {
	place, err := os.MkdirTemp(dir, "probe-")
	if err == nil {
		err = os.Chdir(place) // so that no path has to be escaped in the options
	}
	for _, name := range []string{"lower", "upper", "work", "at"} {
		if err == nil {
			err = os.Mkdir(name, 0o755)
		}
	}
	if err != nil {
		return false, fmt.Errorf("cannot try what the store's filesystem can do: %w", err)
	}
	defer func() { _ = os.RemoveAll(place) }() // in a Temp: what stays goes with it
	opaque, options := "trusted.overlay.opaque", "lowerdir=lower,upperdir=upper,workdir=work"
	if !container.Privileged() {
		opaque, options = "user.overlay.opaque", options+",userxattr"
	}
	if unix.Mknod("lower/whiteout", unix.S_IFCHR, 0) != nil || unix.Setxattr("lower", opaque, []byte("y"), 0) != nil ||
		unix.Mount("overlay", "at", "overlay", 0, options) != nil {
		return false, nil
	}
	return true, unix.Unmount("at", 0)
}
