// Package image is a container's root as it lies on this machine: a folder, layers
// of an image or a recipe, or this machine's own system. It reads what the start
// needs to know of a root (the users, an environment file) without leaving it.
package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// Root is a container's root as it lies on this machine.
type Root struct {
	Kind   rootfs.Kind
	Path   string   // absolute; "/" for the host; "" where Layers say it
	Layers []string // absolute folders that lie over each other as overlayfs has it, the uppermost first
}

// Host is this machine's own system.
func Host() Root { return Root{Kind: rootfs.Host, Path: "/"} }

// Layered is a root of layers, the uppermost first.
func Layered(layers []string) Root { return Root{Kind: rootfs.Dir, Layers: layers} }

// Folder is a directory that holds a root. The error says what is wrong with
// it: missing, no directory, or without the folders that any system has.
func Folder(path string) (Root, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Root{}, fmt.Errorf("rootfs %s does not exist; unpack a system there, or name another folder", path)
	case err != nil:
		return Root{}, fmt.Errorf("cannot look at rootfs %s: %w", path, err)
	case !info.IsDir():
		return Root{}, fmt.Errorf("rootfs %s is not a directory; name the folder of an unpacked system", path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return Root{}, fmt.Errorf("cannot read rootfs %s: %w", path, err)
	}
	if len(entries) == 0 {
		return Root{}, fmt.Errorf("rootfs %s is empty; unpack a system there, or name another folder", path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Root{}, fmt.Errorf("cannot look at rootfs %s: %w", path, err)
	}
	return Root{Kind: rootfs.Dir, Path: real}, nil
}

// maxFile bounds what ReadFile reads, in bytes.
const maxFile = 4 << 20

// ReadFile reads a file of the root; symlinks resolve inside it. At most 4 MiB.
func (r Root) ReadFile(path string) ([]byte, error) {
	fd, err := r.open(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	data, err := linux.ReadAll(fd, maxFile)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

// readOnly is how files of a root are opened: a fifo in a hostile root must not
// hang the start.
const readOnly = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY

func (r Root) open(path string) (int, error) {
	if len(r.Layers) > 0 {
		fd, err := openLayered(r.Layers, path)
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		}
		return fd, nil
	}
	dir, err := unix.Open(r.Path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: r.Path, Err: err}
	}
	defer unix.Close(dir)
	fd, err := linux.OpenInRoot(dir, path, readOnly)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

// Home gives the home folder of a user id, from the root's /etc/passwd; "/" if
// it has none (passwd(5)).
func (r Root) Home(uid uint32) string {
	want := strconv.FormatUint(uint64(uid), 10)
	for _, fields := range r.lines("/etc/passwd", 7) {
		if fields[2] == want && strings.HasPrefix(fields[5], "/") {
			return fields[5]
		}
	}
	return "/"
}
