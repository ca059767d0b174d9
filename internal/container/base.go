package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/host"
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
		if standsAt(base, path) {
			return base, nil
		}
		base.Close() // another one stands there by now, or none
	}
}

// standsAt says whether what was opened is still what path names, which a lock
// keeps so: only who has it removes the folder.
func standsAt(base *os.File, path string) bool {
	var opened, there unix.Stat_t
	return unix.Fstat(int(base.Fd()), &opened) == nil && unix.Lstat(path, &there) == nil &&
		opened.Dev == there.Dev && opened.Ino == there.Ino
}

// removeBase removes the folder if nothing is in it. Whoever has locked another
// one, which was made at path since base was opened, keeps that.
func removeBase(base *os.File, path string) {
	if flock(base, unix.LOCK_EX|unix.LOCK_NB) == nil && standsAt(base, path) {
		_ = os.Remove(path) // stays while another run is in it
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
		if _, there := os.Lstat(path); there == nil {
			return nil, &linux.Obstacle{Why: path + " is a symlink or a file; it must be a folder of yours", Fix: ownBase(path)}
		}
	}
	if create && err != nil && !os.IsNotExist(err) {
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
	return host.OtherRunFolder(path)
}

// unmade says why the folder can't be made, in the same words whether that was
// tried or only looked at.
func unmade(path string, err error) error {
	o := &linux.Obstacle{}
	var errno syscall.Errno
	_ = errors.As(err, &errno)
	why := errno.Error()
	if link := deadLink(filepath.Dir(path)); link != "" {
		why = link + " is a link to nowhere"
	} else if owner := stranger(filepath.Dir(path)); errors.Is(err, fs.ErrPermission) && owner != "" {
		why = owner
	}
	o.Why = path + " can't be made: " + why
	switch {
	case os.Geteuid() != 0:
		o.Fix = ownBase(path)
	case errno == syscall.EROFS:
		o.Fix = "sudo mount -o remount,rw " + filepath.Dir(path)
	}
	return o
}

// deadLink gives the symlink at path, or above it, that leads nowhere; "" if
// there is none.
func deadLink(path string) string {
	for ; path != "/"; path = filepath.Dir(path) {
		if _, err := os.Stat(path); err == nil {
			return ""
		}
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

// stranger says to whom a folder belongs that is another user's; "" for ours, or
// for one that can't be looked at.
func stranger(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || int(st.Uid) == os.Geteuid() {
		return ""
	}
	return fmt.Sprintf("%s belongs to uid %d with mode %04o", path, st.Uid, st.Mode&0o7777)
}

// CheckBase says where run folders are made, and why that is not possible, as a
// start would. It makes nothing.
func CheckBase() (path string, err error) {
	path = RunBase()
	return path, checkBase(path)
}

func checkBase(path string) error {
	base, err := openBase(path, false)
	var known *linux.Obstacle
	switch {
	case err == nil:
		base.Close()
		return nil
	case errors.As(err, &known):
		return err
	case !os.IsNotExist(err) || deadLink(filepath.Dir(path)) != "":
		return unmade(path, err)
	}
	for above := path; os.IsNotExist(err) && above != "/"; {
		above = filepath.Dir(above)
		err = unix.Faccessat(unix.AT_FDCWD, above, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	}
	if err != nil {
		return unmade(path, err)
	}
	return nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}
