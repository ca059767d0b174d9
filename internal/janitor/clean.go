package janitor

import (
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// Entry kinds of a journal. A line is "KIND PATH\n"; the path is absolute.
const (
	CgroupEntry = "cgroup" // a cgroup of ours: what is in it is killed, then it is removed
	TreeEntry   = "tree"   // a folder with everything in it
	SocketEntry = "socket" // a socket, removed only if nobody listens on it: its folder may be another one by now
	DirEntry    = "dir"    // a folder, removed only if it is empty: others may share it
	HeldEntry   = "held"   // a name that no other run may use meanwhile; nothing is removed
)

// patience bounds how long Clean waits for the processes of one cgroup to be
// gone. A process in uninterruptible sleep can take any time.
const patience = 5 * time.Second

// Clean removes everything in the journal of a run folder, the last entry
// first, and then the folder. What is gone already is fine. The caller holds
// the folder's lock. It gives the first error and leaves the folder for a
// later start to try again.
func Clean(folder string) error {
	dir, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return linux.Fail("open run folder", folder, err)
	}
	defer unix.Close(dir)
	journal, err := readJournal(dir)
	if err != nil {
		return linux.Fail("read journal of", folder, err)
	}
	var first error
	for i := len(journal) - 1; i >= 0; i-- {
		if err := remove(journal[i].kind, journal[i].path); err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		return first
	}
	// The journal goes before the lock: where the lock is gone nobody must find
	// paths to remove, which may be another run's by then.
	if err := ignoreMissing(unix.Unlinkat(dir, JournalFile, 0)); err != nil {
		return linux.Fail("remove journal of", folder, err)
	}
	if err := RemoveTree(folder); err != nil {
		return linux.Fail("remove run folder", folder, err)
	}
	return nil
}

func remove(kind, path string) error {
	var err error
	switch kind {
	case CgroupEntry:
		err = RemoveCgroup(path)
	case TreeEntry:
		err = RemoveTree(path)
	case SocketEntry:
		err = removeSocket(path)
	case DirEntry:
		switch err = unix.Rmdir(path); err {
		// In use by others, made by others, or gone.
		case unix.ENOTEMPTY, unix.EBUSY, unix.EEXIST, unix.EACCES, unix.EPERM, unix.EROFS, unix.ENOENT:
			err = nil
		}
	}
	if err != nil {
		return linux.Fail("remove", path, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if err == unix.ENOENT {
		return nil
	}
	return err
}

// RemoveCgroup removes a cgroup of ours (v1 or v2). Processes in it are thawed
// and killed, and cgroups that were made below it are removed too: whoever calls
// this has ended the run they belong to. EBUSY after 5 seconds.
func RemoveCgroup(path string) error {
	deadline := time.Now().Add(patience)
	wait := time.Millisecond
	for {
		err := unix.Rmdir(path)
		if err == unix.ENOTDIR {
			return nil // a file of the kernel's has that name, so no group could be made
		}
		if err == unix.EROFS && unix.Access(path, unix.F_OK) == unix.ENOENT {
			return nil // it could not be made either
		}
		if err != unix.EBUSY || time.Now().After(deadline) {
			return ignoreMissing(err)
		}
		killCgroup(path)
		removeBelow(path)
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// removeBelow removes the cgroups below one, as far as they are empty already;
// the processes of others are killed. A cgroup folder has no other folders.
func removeBelow(path string) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	names, _ := linux.Names(fd)
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		sub := path + "/" + name
		killCgroup(sub)
		removeBelow(sub)
		_ = unix.Rmdir(sub)
	}
}

func killCgroup(path string) {
	writeFile(path+"/cgroup.freeze", "0")
	writeFile(path+"/freezer.state", "THAWED")
	if writeFile(path+"/cgroup.kill", "1") == nil { // Linux 5.14
		return
	}
	for _, pid := range readPids(path) {
		// The descriptor pins the process; a second look says it is still ours.
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		for _, again := range readPids(path) {
			if again == pid {
				_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
			}
		}
		unix.Close(fd)
	}
}

func writeFile(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return linux.WriteAll(fd, []byte(text))
}

func readPids(cgroup string) []int {
	fd, err := unix.Open(cgroup+"/cgroup.procs", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	data, _ := linux.ReadAll(fd, 1<<20)
	var pids []int
	pid := 0
	for _, c := range data {
		if c == '\n' {
			if pid > 0 {
				pids = append(pids, pid)
			}
			pid = 0
		} else {
			pid = pid*10 + int(c-'0')
		}
	}
	return pids
}

// RemoveTree removes a folder with everything in it, without following a link;
// what is gone already is fine. Another filesystem that is mounted below is left
// alone and is an error, EXDEV. A process that is being killed may still write
// there, so it tries for 5 seconds.
func RemoveTree(path string) error {
	deadline := time.Now().Add(patience)
	wait := time.Millisecond
	for {
		err := removeTree(unix.AT_FDCWD, path)
		if err != unix.ENOTEMPTY || time.Now().After(deadline) {
			return err
		}
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// removeTree removes path and everything below it. Folders that forbid it are
// opened up first.
func removeTree(dir int, path string) error {
	err := unix.Unlinkat(dir, path, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR && err != unix.EPERM && err != unix.EBUSY { // EBUSY: a mount point
		return err
	}
	fd, err := openDir(dir, path)
	if err != nil {
		return ignoreMissing(err) // a sweep may be at it too
	}
	names, err := linux.Names(fd)
	err = ignoreMissing(err) // a folder that is removed while it is open has no names (getdents(2))
	for _, name := range names {
		if e := removeTree(fd, name); e != nil && err == nil {
			err = e
		}
	}
	unix.Close(fd)
	if err != nil {
		return err
	}
	return ignoreMissing(unix.Unlinkat(dir, path, unix.AT_REMOVEDIR))
}

func openDir(dir int, path string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	how := unix.OpenHow{Flags: flags}
	if dir != unix.AT_FDCWD {
		how.Resolve = unix.RESOLVE_NO_XDEV
	}
	fd, err := unix.Openat2(dir, path, &how)
	if err == unix.EACCES { // overlay's work/work has mode 000
		if err := unix.Fchmodat(dir, path, 0o700, 0); err != nil {
			return -1, err
		}
		return unix.Openat(dir, path, flags, 0)
	}
	if err == nil {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&0o300 != 0o300 {
			_ = unix.Fchmod(fd, 0o700)
		}
	}
	return fd, err
}
