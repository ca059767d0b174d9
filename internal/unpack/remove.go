package unpack

import (
	"hash/maphash"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// made remembers what a layer made in a flat folder, or uses of what was there,
// by folder and name. Only hashes are kept, 8 bytes for each: with a seed that
// no image can know, none is taken for another.
type made map[uint64]struct{}

var madeSeed = maphash.MakeSeed()

func madeKey(folder uint64, base string) uint64 {
	return maphash.Comparable(madeSeed, struct {
		folder uint64
		base   string
	}{folder, base})
}

// add notes a name; without a map (overlay format) it does nothing.
func (m made) add(f *folder, base string) {
	if m != nil {
		m[madeKey(f.ino, base)] = struct{}{}
	}
}

func (m made) has(folder uint64, base string) bool {
	_, ok := m[madeKey(folder, base)]
	return ok
}

// prune removes in a folder and below it what this layer has not made; in
// overlay format, where that is nothing, its whiteouts. Folders keep their times.
func (a *applier) prune(fd int, ino uint64) error {
	names, err := namesIn(fd)
	if err != nil {
		return entryError("read the folder of", a.name, err)
	}
	for _, name := range names {
		keep := a.made.has(ino, name)
		if !a.Flat {
			var st unix.Stat_t
			if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return entryError("look at", name, err)
			}
			keep = !isWhiteout(&st)
		}
		if keep {
			err = a.descend(fd, name)
		} else if err = removeTree(fd, name); err != nil {
			err = entryError("remove", name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// descend prunes what has to stay, if it is a folder.
func (a *applier) descend(fd int, name string) error {
	child, err := unix.Openat(fd, name, openFolder, 0)
	switch err {
	case nil:
	case unix.ENOTDIR, unix.ELOOP, unix.ENOENT:
		return nil
	default:
		return entryError("open the folder", name, err)
	}
	defer unix.Close(child)
	var st unix.Stat_t
	if err := unix.Fstat(child, &st); err != nil {
		return entryError("look at", name, err)
	}
	if err := a.prune(child, st.Ino); err != nil {
		return err
	}
	if err := setTimes(child, &[2]unix.Timespec{st.Atim, st.Mtim}); err != nil {
		return entryError("set the times of", name, err)
	}
	return nil
}

// removeTree removes a file, or a folder with all that is in it. No symlink is
// followed.
func removeTree(fd int, name string) error {
	if err := unix.Unlinkat(fd, name, 0); err != unix.EISDIR {
		return err
	}
	child, err := unix.Openat(fd, name, openFolder, 0)
	if err != nil {
		return err
	}
	names, err := linux.Names(child)
	for _, inside := range names {
		if err == nil {
			err = removeTree(child, inside)
		}
	}
	unix.Close(child)
	if err != nil {
		return err
	}
	return unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
}

// isEmpty says whether a folder that is open for reading has nothing in it.
func isEmpty(fd int) (bool, error) {
	names, err := namesIn(fd)
	return len(names) == 0, err
}

// namesIn lists an open folder, which may have been read before.
func namesIn(fd int) ([]string, error) {
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	return linux.Names(fd)
}
