package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

func (b *builder) mountProject() *linux.StepError {
	if b.project < 0 {
		return nil
	}
	err := setAttr(b.project, nodev, true)
	if err == nil {
		err = attachAt(b.project, b.root, "work")
	}
	if err != nil {
		return linux.Fail("bind the project to", "/work", err)
	}
	return nil
}

func (b *builder) mountVolumes() *linux.StepError {
	for i := range b.spec.Mounts {
		m := &b.spec.Mounts[i]
		target, e := b.openTarget(m, b.reals[i], m.Kind != Bind || b.isDir(b.trees[i]))
		if e != nil {
			return e
		}
		if e := b.mountVolume(m, b.trees[i], target); e != nil {
			return e
		}
		if b.pointOf(b.reals[i]).fresh {
			fd, err := linux.OpenPlain(b.root, b.reals[i][1:], linux.O_PATH|syscall.O_DIRECTORY)
			if err != nil {
				return linux.Fail("open", m.Target, err)
			}
			b.pointOf(b.reals[i]).root = fd
		}
	}
	return nil
}

// pointOf gives the last point at a path: the one that is seen there.
func (b *builder) pointOf(real string) *point {
	for i := len(b.points) - 1; i >= 0; i-- {
		if b.points[i].real == real {
			return &b.points[i]
		}
	}
	return nil
}

// openTarget opens a mount point in the new root, and makes it where it lies
// in a tmpfs of ours.
func (b *builder) openTarget(m *Mount, real string, isDir bool) (int, *linux.StepError) {
	if parent := b.mountedAbove(real); parent != nil && parent.fresh && parent.root >= 0 {
		rest := real[len(parent.real)+1:]
		if e := makeIn(parent.root, rest, real, isDir); e != nil {
			return -1, e
		}
	}
	fd, err := linux.OpenPlain(b.root, real[1:], linux.O_PATH)
	if err == nil && b.isDir(fd) != isDir {
		syscall.Close(fd)
		err = syscall.ENOTDIR
	}
	if err == nil {
		return fd, nil
	}
	e := linux.Fail("open mount point", m.Target, err)
	switch {
	case e.Errno == syscall.ELOOP:
		e.Detail = "a symlink stands in its way"
	case e.Errno == syscall.ENOTDIR:
		e.Detail = "a folder can only be mounted on a folder and a file on a file"
	case isBelow(real, "/work"):
		e.Detail = "it lies in the project, where Lanyard makes nothing by itself; create it"
	}
	return -1, e
}

// mountedAbove gives the innermost mount that real lies strictly below.
func (b *builder) mountedAbove(real string) *point {
	var best *point
	for i := range b.points {
		p := &b.points[i]
		if real != p.real && isBelow(real, p.real) && (best == nil || len(p.real) >= len(best.real)) {
			best = p
		}
	}
	return best
}

// makeIn makes a mount point in a folder that is ours to write to, where there is
// none.
func makeIn(root int, rest, real string, isDir bool) *linux.StepError {
	parent, name, err := mkdirs(root, rest)
	if err != nil {
		return linux.Fail("make mount point", real, err)
	}
	defer syscall.Close(parent)
	if isDir {
		if err := syscall.Mkdirat(parent, name, 0o755); err != nil && err != syscall.EEXIST {
			return linux.Fail("make mount point", real, err)
		}
		return nil
	}
	var st syscall.Stat_t
	if linux.Fstatat(parent, name, &st, linux.AT_SYMLINK_NOFOLLOW) == nil {
		return nil
	}
	return makeFile(parent, name, real, "", 0o644)
}

func (b *builder) mountVolume(m *Mount, tree, target int) *linux.StepError {
	attrs := uint64(nodev)
	if m.ReadOnly {
		attrs |= rdonly
	}
	var err error
	switch m.Kind {
	case Bind:
		if err = setAttr(tree, attrs, true); err == nil {
			err = attach(tree, target)
		}
	case Tmpfs:
		return b.mountTmpfs(m, target)
	case Copy:
		return b.mountCopy(m, target)
	case HostTree:
		var mnt int
		if mnt, err = tmpfs(nosuid|nodev, 1<<20, 0o755); err == nil {
			err = attach(mnt, target)
		}
		if err == nil {
			return b.fillHostTree(m)
		}
	}
	if err != nil {
		return linux.Fail("mount volume", m.Target, err)
	}
	return nil
}

func (b *builder) fillHostTree(m *Mount) *linux.StepError {
	dir, err := linux.OpenPlain(b.root, b.pointOf(m.Target).real[1:], linux.O_PATH|syscall.O_DIRECTORY)
	if err != nil {
		return linux.Fail("open volume", m.Target, err)
	}
	defer syscall.Close(dir)
	if e := b.bindHost(dir, m.Target+"/"); e != nil {
		return e
	}
	if err := setAttr(dir, rdonly, false); err != nil {
		return linux.Fail("make read-only", m.Target, err)
	}
	return nil
}

func (b *builder) mountTmpfs(m *Mount, target int) *linux.StepError {
	attrs := nosuid | nodev
	if m.NoExec {
		attrs |= noexec
	}
	mnt, err := tmpfs(attrs, m.Size, m.Mode)
	if err != nil {
		syscall.Close(target)
		return linux.Fail("mount tmpfs", m.Target, err)
	}
	for _, d := range m.Dirs {
		parent, name, err := mkdirs(mnt, d.Path)
		if err == nil {
			if err = syscall.Mkdirat(parent, name, d.Mode); err == syscall.EEXIST {
				err = syscall.Fchmodat(parent, name, d.Mode, 0)
			}
			syscall.Close(parent)
		}
		if err != nil {
			return linux.Fail("make folder", m.Target+"/"+d.Path, err)
		}
	}
	for _, f := range m.Files {
		parent, name, err := mkdirs(mnt, f.Path)
		if err != nil {
			return linux.Fail("make file", m.Target+"/"+f.Path, err)
		}
		e := makeFile(parent, name, m.Target+"/"+f.Path, f.Content, f.Mode)
		syscall.Close(parent)
		if e != nil {
			return e
		}
	}
	if m.ReadOnly {
		err = setAttr(mnt, rdonly, false)
	}
	if err == nil {
		err = attach(mnt, target)
	}
	if err != nil {
		return linux.Fail("mount tmpfs", m.Target, err)
	}
	return nil
}

// placeFiles writes the files that belong into a tmpfs of ours.
func (b *builder) placeFiles() *linux.StepError {
	for _, f := range b.files {
		p := b.under(f.real)
		if p == nil || p.root < 0 || p.real == f.real {
			continue
		}
		parent, name, err := mkdirs(p.root, f.real[len(p.real)+1:])
		if err != nil {
			return linux.Fail("make file", f.real, err)
		}
		var e *linux.StepError
		var st syscall.Stat_t
		if linux.Fstatat(parent, name, &st, linux.AT_SYMLINK_NOFOLLOW) != nil { // else a volume brings its own
			e = makeFile(parent, name, f.real, f.content, 0o644)
		}
		syscall.Close(parent)
		if e != nil {
			return e
		}
	}
	return nil
}

// coverFiles binds files of ours over those of an InPlace root.
func (b *builder) coverFiles() *linux.StepError {
	for i, f := range b.covers {
		name := "file" + strconv.Itoa(i)
		if e := makeFile(b.base, name, f.real, f.content, 0o644); e != nil {
			return e
		}
		mnt, err := cloneTree(b.base, name, false)
		if err == nil {
			err = attachAt(mnt, b.root, f.real[1:])
		}
		if err != nil {
			return linux.Fail("cover", f.real, err)
		}
	}
	return nil
}
