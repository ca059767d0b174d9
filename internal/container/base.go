package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

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
		if err := flock(base, unix.LOCK_EX); err != nil {
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

// openBase opens the folder of the run folders and checks that it is a folder
// of this user's that nobody else can write to: below /tmp anybody could have
// made it first.
func openBase(path string, create bool) (*os.File, error) {
	if create {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symlink or a file; it must be a folder of yours: remove it, or set XDG_RUNTIME_DIR", path)
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
		return nil, fmt.Errorf("%s belongs to uid %d with mode %04o; it must be yours alone: remove it, or set XDG_RUNTIME_DIR", path, st.Uid, st.Mode&0o7777)
	}
	return f, nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}
