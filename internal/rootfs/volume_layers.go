package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// openVolumeLayers lays the layers over each other that volumes are of, and keeps
// each as a detached tree.
func (b *builder) openVolumeLayers() *linux.StepError {
	for i := range b.spec.Mounts {
		m := &b.spec.Mounts[i]
		if len(m.Layers) == 0 {
			continue
		}
		tree, err := b.layeredTree(m.Layers)
		if err != nil {
			return overlayError("of volume "+m.Target, err)
		}
		b.trees[i] = tree
	}
	return nil
}

// layeredTree gives a detached, read-only overlay. The layers' names lie on a tmpfs
// of their own, which is attached while they are resolved, because mount(2) takes
// as many names as fit into a page and only where something is attached.
func (b *builder) layeredTree(layers []string) (tree int, err error) {
	names, err := tmpfs(nosuid|nodev, 0, 0o755)
	if err != nil {
		return -1, err
	}
	if err := attachAt(names, b.host, base[1:]); err != nil {
		return -1, err
	}
	defer func() { _ = syscall.Unmount(base, syscall.MNT_DETACH) }()
	if err := syscall.Chdir(base); err != nil {
		return -1, err
	}
	defer func() { _ = syscall.Chdir("/") }()
	for _, name := range [...]string{"nothing", rootAt} {
		if err := syscall.Mkdir(name, 0o755); err != nil {
			return -1, err
		}
	}
	options := "lowerdir="
	for i, path := range layers {
		name := strconv.Itoa(i)
		if err := syscall.Symlink(path, name); err != nil {
			return -1, err
		}
		options += name + ":"
	}
	options += "nothing,redirect_dir=nofollow,metacopy=off,index=off" // of one layer there is no overlay
	if b.spec.UserNS {
		options += ",userxattr"
	}
	if err := syscall.Mount("overlay", rootAt, "overlay", syscall.MS_NODEV|syscall.MS_RDONLY, options); err != nil {
		return -1, err
	}
	return cloneTree(linux.AT_FDCWD, rootAt, b.spec.UserNS)
}
