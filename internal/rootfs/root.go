package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// mountRoot makes the container's root: one overlay of the skeleton over the
// directory, or the skeleton itself with the host's folders bound into it.
func (b *builder) mountRoot() *linux.StepError {
	if b.spec.Kind == Host {
		b.root = b.base
		return b.bindHost(b.root, "/")
	}
	// A non-recursive bind of a tree with submounts is EINVAL in a user
	// namespace; an overlay does not see submounts of a layer either way.
	lower, err := cloneTree(b.lower, "", b.spec.UserNS)
	if err != nil {
		return linux.Fail("bind the rootfs", b.spec.Path, err)
	}
	if err := attachAt(lower, b.base, "lower"); err != nil {
		return linux.Fail("bind the rootfs", b.spec.Path, err)
	}
	// The options name the layers relative to the working directory, so no
	// path of the user's has to be escaped.
	if err := syscall.Fchdir(b.base); err != nil {
		return linux.Fail("change into", "the skeleton", err)
	}
	attrs := nodev
	layers := []string{"lowerdir=skel:lower"}
	if b.spec.Transient {
		layers = append(layers, "upperdir=upper", "workdir=work")
	} else {
		attrs |= rdonly
	}
	root, e := b.mountLayers(attrs, layers)
	if e != nil {
		return e
	}
	if err := attachAt(root, b.base, "root"); err != nil {
		return linux.Fail("attach the root over", b.spec.Path, err)
	}
	if b.root, err = linux.OpenPlain(b.base, "root", linux.O_PATH|syscall.O_DIRECTORY); err != nil {
		return linux.Fail("open", "the new root", err)
	}
	return b.awaitFuse()
}

// mountLayers gives a detached mount of the layers that the options name,
// relative to the working directory.
func (b *builder) mountLayers(attrs int, layers []string) (int, *linux.StepError) {
	options := layers
	if b.spec.Transient {
		options = append(options, "volatile")
	}
	if b.spec.UserNS {
		options = append(options, "userxattr")
	}
	root, err := newMount("overlay", attrs, options...)
	if err == nil {
		return root, nil
	}
	e := overlayError(b.spec.Path, err)
	if !b.spec.UserNS {
		return -1, e
	}
	joined := layers[0]
	for _, layer := range layers[1:] {
		joined += "," + layer
	}
	return b.mountFuse(e, attrs, joined)
}

func overlayError(path string, err error) *linux.StepError {
	e := linux.Fail("mount an overlay over the rootfs", path, err)
	if o := OverlayRefused(e.Errno); o != nil {
		e.Detail = o.Error()
	}
	return e
}

// bindHost binds the machine's own top-level folders, with everything mounted
// below them, read-only into the folder that dir names; links are made again.
func (b *builder) bindHost(dir int, where string) *linux.StepError {
	names, err := listDir("/")
	if err != nil {
		return linux.Fail("list", "/", err)
	}
	for _, name := range names {
		switch name {
		case "proc", "sys", "dev", "tmp", "run", "work", "lost+found":
			continue
		}
		if e := b.bindHostEntry(dir, name, where); e != nil {
			return e
		}
	}
	return nil
}

func (b *builder) bindHostEntry(dir int, name, where string) *linux.StepError {
	var st syscall.Stat_t
	if err := linux.Fstatat(b.host, name, &st, linux.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil // gone meanwhile
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFLNK:
		target, err := linux.Readlinkat(b.host, name)
		if err == nil {
			err = linux.Symlinkat(target, dir, name)
		}
		if err != nil && err != syscall.EEXIST {
			return linux.Fail("link", where+name, err)
		}
		return nil
	case syscall.S_IFDIR:
		tree, err := cloneTree(b.host, name, true)
		if err != nil {
			return linux.Fail("bind the host's", "/"+name, err)
		}
		if err := setAttr(tree, rdonly|nodev, true); err != nil {
			syscall.Close(tree)
			return linux.Fail("make read-only", "/"+name, err)
		}
		if err := syscall.Mkdirat(dir, name, 0o755); err != nil && err != syscall.EEXIST {
			syscall.Close(tree)
			return linux.Fail("make", where+name, err)
		}
		if err := attachAt(tree, dir, name); err != nil {
			return linux.Fail("bind the host's", "/"+name, err)
		}
	}
	return nil // files at the top level are left out: a root's folders are its system
}

// listDir gives the names in a directory.
func listDir(path string) ([]string, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	return linux.Names(fd)
}
