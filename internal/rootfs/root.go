package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// mountRoot makes the container's root: one overlay of the skeleton over the
// directory or the layers, the directory itself, or the skeleton itself with the
// host's folders bound into it.
func (b *builder) mountRoot() *linux.StepError {
	switch {
	case b.spec.Kind == Host:
		b.root = b.base
		return b.bindHost(b.root, "/")
	case b.spec.InPlace:
		e := b.bindFolder(rootAt)
		if e == nil {
			b.root, e = b.openMount(rootAt)
		}
		return e
	case len(b.spec.Layers) == 0:
		if e := b.bindFolder(namesAt); e != nil {
			return e
		}
	}
	var e *linux.StepError
	b.root, e = b.mountLayers(rootAt, "skel:"+b.layerNames(), b.spec.Transient || b.spec.Upper != "")
	return e
}

// bindFolder binds the directory that is the root, or a layer of it.
func (b *builder) bindFolder(at string) *linux.StepError {
	// A non-recursive bind of a tree with submounts is EINVAL in a user
	// namespace; an overlay does not see submounts of a layer either way.
	mnt, err := cloneTree(b.lower, "", b.spec.UserNS)
	if err == nil && b.spec.InPlace {
		err = setAttr(mnt, nodev, b.spec.UserNS)
	}
	if err == nil {
		err = attachAt(mnt, b.base, at)
	}
	if err != nil {
		return linux.Fail("bind the rootfs", b.spec.Path, err)
	}
	return nil
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
