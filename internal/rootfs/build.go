package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// base is where the skeleton's tmpfs is attached until the root is changed:
// every Linux that can run us has the folder, and no bind of ours is taken
// from below it.
const base = "/proc"

// point is a place that something has been, or will be, mounted on.
type point struct {
	real  string // path inside the container, without symlinks
	root  int    // O_PATH descriptor of the mount's root; -1 until it is mounted
	fresh bool   // a tmpfs of ours: mount points may be made in it
}

type builder struct {
	spec    *Spec
	host    int // the host's "/"
	lower   int // root that names are resolved in: the directory, or the host's "/"
	base    int // root of the skeleton's tmpfs
	skel    int // where mount points of the root are made
	root    int // the container's root, once it is mounted
	project int // detached tree of the project, -1 for none
	proc    int // detached proc, made while the host's is in sight
	console int // detached tree of the caller's terminal, -1 for none
	trees   []int
	reals   []string // resolved targets of spec.Mounts
	points  []point
	files   []placed // for a tmpfs of ours
	covers  []placed // for an InPlace root, whose own files stay as they are
}

type placed struct {
	real    string
	content string
}

// Build makes the root that spec describes and changes into it: afterwards "/"
// and the working directory are the container's and the host's tree is gone.
// The caller is alone in a new mount namespace (and pid namespace), with umask
// 0, and has the capabilities of its user namespace. Needs Linux 5.12. A
// fuse-overlayfs(1) that serves the root is a child of the caller's.
func Build(spec *Spec) *linux.StepError {
	b := &builder{spec: spec, project: -1, console: -1}
	for _, step := range []func() *linux.StepError{
		b.check, b.openSources, b.openVolumeLayers, b.openConsole, b.layout, b.mountRoot, b.mountProc, b.mountSys, b.mountDev,
		b.mountProject, b.mountVolumes, b.placeFiles, b.coverFiles, b.enter, b.release,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// check refuses what Spec says can't be.
func (b *builder) check() *linux.StepError {
	s := b.spec
	switch {
	case len(s.Layers) > MaxLayers:
		return &linux.StepError{Step: "lay layers over each other", Path: s.where(),
			Detail: "these are " + strconv.Itoa(len(s.Layers)) + ", and overlayfs takes " + strconv.Itoa(MaxLayers) + "; build the image with fewer"}
	case s.Upper != "" && (len(s.Layers) == 0 || s.Transient), s.InPlace && (len(s.Layers) > 0 || s.Transient),
		s.Kind != Dir && (len(s.Layers) > 0 || s.InPlace):
		return &linux.StepError{Step: "internal error: a root that is two things at once"}
	}
	return nil
}

// openSources takes hold of everything that comes from the host before
// anything is covered.
func (b *builder) openSources() *linux.StepError {
	if err := MakeSlave(); err != nil {
		return linux.Fail(linux.SlaveStep, "/", err)
	}
	var err error
	if b.host, err = syscall.Open("/", linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0); err != nil {
		return linux.Fail("open", "/", err)
	}
	b.lower = b.host
	if b.spec.Kind == Dir && len(b.spec.Layers) == 0 {
		if b.lower, err = syscall.Open(b.spec.Path, linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0); err != nil {
			return linux.Fail("open the rootfs", b.spec.Path, err)
		}
	}
	b.proc, err = newMount("proc", nosuid|nodev|noexec)
	if err == syscall.EPERM { // perhaps there is one to go by that is read-only: of a container with Spec.Nesting
		b.proc, err = newMount("proc", rdonly|nosuid|nodev|noexec)
	}
	if err != nil {
		return &linux.StepError{Step: "mount", Path: "/proc", Errno: asErrno(err),
			Detail: procDetail(err)}
	}
	if b.spec.Project != "" {
		if b.project, err = b.tree(b.spec.Project, ""); err != nil {
			return linux.Fail("open the project", b.spec.Project, err)
		}
	}
	b.trees = make([]int, len(b.spec.Mounts))
	for i := range b.spec.Mounts {
		m := &b.spec.Mounts[i]
		b.trees[i] = -1
		if m.Kind != Bind || len(m.Layers) > 0 {
			continue
		}
		if b.trees[i], err = b.tree(m.Source, m.Inside); err != nil {
			return bindError(m, err)
		}
	}
	return nil
}

// procDetail: EPERM is the kernel's answer where parts of the host's are hidden.
func procDetail(err error) string {
	if err == syscall.EPERM {
		return ProcHidden.Error()
	}
	return ""
}

func bindError(m *Mount, err error) *linux.StepError {
	path := m.Source
	if m.Inside != "" {
		path += "/" + m.Inside
	}
	e := linux.Fail("open the source of volume "+m.Target+",", path, err)
	if e.Errno == syscall.EXDEV {
		e.Detail = "a symlink leads out of " + m.Source
	}
	return e
}

// tree opens a detached recursive bind of a host path, and of a path below it.
func (b *builder) tree(path, inside string) (int, error) {
	fd, err := syscall.Open(path, linux.O_PATH|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { syscall.Close(fd) }()
	if inside != "" {
		below, err := linux.OpenBeneath(fd, inside, linux.O_PATH)
		if err != nil {
			return -1, err
		}
		syscall.Close(fd)
		fd = below
	}
	return cloneTree(fd, "", true)
}

// enter makes the new root the root of the namespace and drops the old one.
func (b *builder) enter() *linux.StepError {
	if b.spec.Kind == Host && !b.spec.Transient {
		if err := setAttr(b.root, rdonly, false); err != nil {
			return linux.Fail("make read-only", "/", err)
		}
	}
	if err := syscall.Fchdir(b.root); err != nil {
		return linux.Fail("change into", "the new root", err)
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return linux.Fail("pivot_root into", "the new root", err)
	}
	// pivot_root(2): the old root is now stacked on "/", and "." is in it.
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return linux.Fail("detach", "the host's root", err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return linux.Fail("change into", "/", err)
	}
	return nil
}

// release lets go of the descriptors that still reach the host's tree and the
// layers: they would keep their filesystems busy as long as the stage lives.
func (b *builder) release() *linux.StepError {
	open := map[int]bool{b.host: true, b.lower: true, b.base: true, b.skel: true, b.root: true}
	for i := range b.points {
		open[b.points[i].root] = true
	}
	delete(open, -1)
	for fd := range open {
		syscall.Close(fd)
	}
	return nil
}

func asErrno(err error) syscall.Errno {
	e, _ := err.(syscall.Errno)
	return e
}
