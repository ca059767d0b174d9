package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// fuseFD is the descriptor that fuse-overlayfs finds /dev/fuse at.
const fuseFD = 3

// mountFuse has fuse-overlayfs(1) lay the layers over each other, where the
// kernel has refused to do it in a user namespace, and waits until it serves
// them. What names are looked up in stays a detached mount: it ends with its
// descriptor, and the next fuse-overlayfs has no copy of it in its namespace.
//
// We open /dev/fuse and mount, and the program only serves what it is handed
// (/dev/fd/N as mount point: libfuse 3.3), so it needs no helper with a setuid
// bit and has nothing to take down. It is a child of PID 1 of the container, so
// the kernel ends it with the container, and the mount with its descriptor.
func (b *builder) mountFuse(refused *linux.StepError, at string, attrs int, layers string) (int, *linux.StepError) {
	if b.spec.FuseOverlay == "" {
		return -1, nor(refused, NoFuseOverlay())
	}
	if err := b.limitLayer(); err != nil {
		return -1, linux.Fail("limit", "the private layer", err)
	}
	fuse, err := syscall.Openat(b.host, "dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, nor(refused, FuseRefused(asErrno(err)))
	}
	mnt, err := newMount("fuse", attrs, "subtype=fuse-overlayfs", "fd="+strconv.Itoa(fuse), "rootmode=40000",
		"user_id="+strconv.Itoa(syscall.Getuid()), "group_id="+strconv.Itoa(syscall.Getgid()), "allow_other", "default_permissions")
	if err != nil {
		return -1, linux.Fail("mount a filesystem of fuse-overlayfs over", b.spec.where(), err)
	}
	said, e := b.serve(fuse, layers)
	syscall.Close(fuse) // as long as we hold it too, nobody would notice that the program has ended
	if e == nil {
		e = b.awaitFuse(mnt, said)
	}
	if e != nil {
		return -1, e
	}
	if at == namesAt {
		return mnt, nil
	}
	if err := attachAt(mnt, b.base, at); err != nil {
		return -1, linux.Fail("attach the root over", b.spec.where(), err)
	}
	return b.openMount(at)
}

// limitLayer makes the skeleton's tmpfs full at LayerSize.
func (b *builder) limitLayer() error {
	if b.spec.LayerSize == 0 {
		return nil
	}
	fs, err := linux.Fspick(b.base, "", linux.FSPICK_CLOEXEC|linux.FSPICK_EMPTY_PATH)
	if err != nil {
		return err
	}
	defer syscall.Close(fs)
	if err := linux.FsconfigSetString(fs, "size", strconv.FormatUint(b.spec.LayerSize, 10)); err != nil {
		return err
	}
	return linux.FsconfigReconfigure(fs)
}

// nor adds why there is no second way around what the kernel refused, unless
// there is a command that makes the first one free.
func nor(refused *linux.StepError, o *linux.Obstacle) *linux.StepError {
	first := OverlayRefused(refused.Errno)
	switch {
	case first == nil:
		refused.Detail = o.Error()
	case first.Fix == "":
		refused.Detail = first.Why + "; " + o.Error()
	}
	return refused
}

// serve starts fuse-overlayfs. It finds its program, libraries and /proc where
// the host has them, in a mount namespace of its own, or pivot_root(2) would
// move it into the very tree that it serves; there the layers stay in /sys,
// which it has no use for. Everything that can be blocked is blocked, so of the
// container's signals only KILL and STOP from its root reach it; it keeps all
// capabilities, so that no command that has fewer can trace it or look through
// its /proc folder (ptrace(2), access mode checking). It gives the read end of
// what the program complains of.
func (b *builder) serve(fuse int, layers string) (int, *linux.StepError) {
	null, err := syscall.Openat(b.host, "dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, linux.Fail("open", "/dev/null", err)
	}
	defer syscall.Close(null)
	var said [2]int
	if err := syscall.Pipe2(said[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return -1, linux.Fail("make a pipe", "", err)
	}
	defer syscall.Close(said[1])
	if err := b.moveBase("sys"); err != nil {
		return -1, linux.Fail("move", "the skeleton", err)
	}
	// The socket and the cgroup files are the stage's alone.
	if err := linux.CloseRange(3, 1<<31-1, linux.CLOSE_RANGE_CLOEXEC); err != nil {
		return -1, linux.Fail("prepare the descriptors of", b.spec.FuseOverlay, err)
	}
	_, err = forkDeaf(b.spec.FuseOverlay,
		[]string{"fuse-overlayfs", "-f", "-o", layers, "/dev/fd/" + strconv.Itoa(fuseFD)},
		[]uintptr{uintptr(null), uintptr(null), uintptr(said[1]), fuseFD: uintptr(fuse)})
	if err != nil {
		return -1, linux.Fail("execute", b.spec.FuseOverlay, err)
	}
	if err := b.moveBase(base[1:]); err != nil {
		return -1, linux.Fail("move", "the skeleton", err)
	}
	return said[0], nil
}

// forkDeaf starts a program in a new mount namespace with every signal blocked.
func forkDeaf(path string, argv []string, files []uintptr) (pid int, err error) {
	old := linux.BlockAll()
	defer linux.SetMask(old)
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env: []string{}, Files: files, Sys: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS},
	})
}

// moveBase mounts the skeleton's tmpfs elsewhere, on a folder of the host.
func (b *builder) moveBase(to string) error {
	target, err := linux.OpenPlain(b.host, to, linux.O_PATH)
	if err != nil {
		return err
	}
	defer syscall.Close(target)
	return linux.MoveMount(b.base, target)
}

// awaitFuse waits until fuse-overlayfs has answered for the root of its mount:
// the kernel holds questions back until it can, and fails them once it has ended.
func (b *builder) awaitFuse(mnt, said int) *linux.StepError {
	defer syscall.Close(said)
	var st syscall.Stat_t
	err := syscall.Fstat(mnt, &st)
	if err == nil {
		return nil
	}
	e := linux.Fail("have fuse-overlayfs lay layers over the rootfs", b.spec.where(), err)
	buf := make([]byte, 1024)
	if n, err := syscall.Read(said, buf); err == nil {
		e.Detail = "it said: " + oneLine(buf[:n])
	}
	return e
}

// oneLine joins the lines of a text with semicolons.
func oneLine(text []byte) string {
	out := ""
	for _, c := range text {
		switch {
		case c != '\n':
			out += string(rune(c))
		case out != "":
			out += "; "
		}
	}
	for len(out) > 1 && (out[len(out)-1] == ' ' || out[len(out)-1] == ';') {
		out = out[:len(out)-1]
	}
	return out
}
