package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// RunBase is the folder of all run folders of this user: /run/lanyard for root,
// $XDG_RUNTIME_DIR/lanyard, else /tmp/lanyard-UID.
func RunBase() string {
	uid := os.Geteuid()
	if uid == 0 {
		return "/run/lanyard"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lanyard")
	}
	return "/tmp/lanyard-" + strconv.Itoa(uid)
}

// lockBase makes the folder of the run folders if need be and locks it. The
// last run to end removes it, so it may have to be made more than once.
func lockBase(path string) (*os.File, error) {
	for {
		base, err := openBase(path, true)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := flockBase(base); err != nil {
			base.Close()
			return nil, err
		}
		var locked, there unix.Stat_t
		if unix.Fstat(int(base.Fd()), &locked) == nil && unix.Lstat(path, &there) == nil &&
			locked.Dev == there.Dev && locked.Ino == there.Ino {
			return base, nil
		}
		base.Close() // another one stands there by now, or none
	}
}

// flockBase locks the folder of the run folders, which an administrator or a
// service manager may have made for all to read. It is closed to others first: who
// can open it can hold its lock (flock(2)), and every start waits for that.
func flockBase(base *os.File) error {
	if info, err := base.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		_ = base.Chmod(0o700) // not on a filesystem that is read-only, where nothing starts
	}
	return flock(base, unix.LOCK_EX)
}

// openBase opens the folder of the run folders and checks that it is a folder
// of this user's that nobody else can write to: below /tmp anybody could have
// made it first.
func openBase(path string, create bool) (*os.File, error) {
	if create {
		// Nobody removes what is above it, so what goes wrong there stays so.
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, unmade(path, err)
		}
		if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
			return nil, unmade(path, err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil, &linux.Obstacle{Why: path + " is a symlink or a file; it must be a folder of yours", Fix: ownBase(path)}
	}
	if create && errors.Is(err, fs.ErrPermission) {
		return nil, unmade(path, err)
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, err
	}
	if int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		f.Close()
		return nil, &linux.Obstacle{Why: fmt.Sprintf("%s belongs to uid %d with mode %04o; it must be yours alone", path, st.Uid, st.Mode&0o7777), Fix: ownBase(path)}
	}
	return f, nil
}

// ownBase is how to get a folder for the run folders.
func ownBase(path string) string {
	if os.Geteuid() == 0 {
		return "sudo rm -r " + path
	}
	return "export XDG_RUNTIME_DIR=/run/user/$(id -u), or another folder of yours"
}

// unmade says why the folder can't be made.
func unmade(path string, err error) error {
	var errno syscall.Errno
	_ = errors.As(err, &errno)
	fix := "sudo mount -o remount,rw " + filepath.Dir(path)
	if os.Geteuid() != 0 {
		fix = ownBase(path)
	}
	return &linux.Obstacle{Why: fmt.Sprintf("%s can't be made: %v", path, errno), Fix: fix}
}

// CheckBase says where run folders are made, and why that is not possible, as a
// start would. It makes nothing.
func CheckBase() (path string, err error) {
	path = RunBase()
	base, err := openBase(path, false)
	switch {
	case err == nil:
		base.Close()
		return path, nil
	case errors.Is(err, fs.ErrPermission):
		return path, unmade(path, err)
	}
	for above := path; os.IsNotExist(err) && above != "/"; {
		above = filepath.Dir(above)
		if err = unix.Faccessat(unix.AT_FDCWD, above, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil && !os.IsNotExist(err) {
			err = unmade(path, err)
		}
	}
	return path, err
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}
