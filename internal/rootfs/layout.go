package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// fixed are the places that are always ours, whatever the root has there.
var fixed = [...]string{"/proc", "/sys", "/dev", "/work"}

// layout resolves every mount point and makes the skeleton.
func (b *builder) layout() *linux.StepError {
	mnt, err := tmpfs(nosuid|nodev, 0, 0o755)
	if err != nil {
		return linux.Fail("mount", "the skeleton", err)
	}
	if err := attachAt(mnt, b.host, base[1:]); err != nil {
		return linux.Fail("attach", "the skeleton", err)
	}
	if b.base, err = syscall.Open(base, linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0); err != nil {
		return linux.Fail("open", "the skeleton", err)
	}
	b.skel = b.base
	if b.spec.Kind == Dir {
		if e := b.layoutDir(); e != nil {
			return e
		}
	}
	for _, path := range fixed {
		if path == "/work" && b.project < 0 {
			continue
		}
		b.points = append(b.points, point{real: path, root: -1})
		if err := syscall.Mkdirat(b.skel, path[1:], 0o755); err != nil && (err != syscall.EEXIST || !b.spec.InPlace) {
			return linux.Fail("make mount point", path, err)
		}
	}
	return b.layoutTargets()
}

// layoutDir makes what a root needs that is a directory or layers, and changes
// into the skeleton's tmpfs.
func (b *builder) layoutDir() *linux.StepError {
	folders := []string{"skel", namesAt, rootAt}
	if b.spec.Transient {
		folders = append(folders, "upper", "work")
	}
	for _, name := range folders {
		if err := syscall.Mkdirat(b.base, name, 0o755); err != nil {
			return linux.Fail("make", "the skeleton", err)
		}
	}
	if err := syscall.Fchdir(b.base); err != nil {
		return linux.Fail("change into", "the skeleton", err)
	}
	if b.spec.InPlace {
		b.skel = b.lower
		return nil
	}
	if len(b.spec.Layers) > 0 {
		if e := b.openLayers(); e != nil {
			return e
		}
	}
	var err error
	if b.skel, err = linux.OpenPlain(b.base, "skel", linux.O_PATH|syscall.O_DIRECTORY); err != nil {
		return linux.Fail("open", "the skeleton", err)
	}
	b.copyOwner("/", b.skel)
	return nil
}

func (b *builder) layoutTargets() *linux.StepError {
	for i := range b.spec.Mounts {
		m := &b.spec.Mounts[i]
		real, err := b.resolve(m.Target)
		if err != nil {
			return linux.Fail("resolve mount point", m.Target, err)
		}
		b.reals = append(b.reals, real)
		if b.under(real) == nil {
			isDir := m.Kind != Bind || b.isDir(b.trees[i])
			if e := b.makePoint(real, isDir, ""); e != nil {
				return e
			}
		}
		b.points = append(b.points, point{real: real, root: -1, fresh: m.Kind == Tmpfs && !m.ReadOnly})
	}
	for _, f := range b.spec.Files {
		real, err := b.resolve(f.Target)
		if err != nil {
			return linux.Fail("resolve", f.Target, err)
		}
		p := b.under(real)
		switch {
		case p != nil && p.fresh:
			b.files = append(b.files, placed{real, f.Content})
		case p == nil && b.spec.InPlace:
			b.covers = append(b.covers, placed{real, f.Content})
			if e := b.makePoint(real, false, ""); e != nil {
				return e
			}
		case p == nil && b.spec.Kind == Dir:
			if e := b.makePoint(real, false, f.Content); e != nil {
				return e
			}
		}
		// Elsewhere it is the host's own file, or what a volume of the user's brings.
	}
	return nil
}

// resolve finds what a path of the container names. /tmp, /run and the like
// are taken as written: what the root has there is covered anyway.
func (b *builder) resolve(path string) (string, error) {
	if path == "/tmp" || path == "/run" {
		return path, nil
	}
	return linux.Resolve(b.lower, path, func(real string) bool {
		for i := range b.points {
			if b.points[i].real == real {
				return true
			}
		}
		return false
	})
}

// under gives the innermost mount that path lies below (or is), if any.
func (b *builder) under(path string) *point {
	var best *point
	for i := range b.points {
		p := &b.points[i]
		if isBelow(path, p.real) && (best == nil || len(p.real) >= len(best.real)) {
			best = p
		}
	}
	return best
}

func isBelow(path, dir string) bool {
	return path == dir || (len(path) > len(dir) && path[:len(dir)] == dir && path[len(dir)] == '/')
}

func (b *builder) isDir(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR
}
