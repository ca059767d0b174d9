package janitor

import (
	"strconv"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Entry kinds of a journal. A line is "KIND PATH\n"; the path is absolute.
const (
	CgroupEntry = "cgroup" // a cgroup of ours: what is in it is killed, then it is removed
	TreeEntry   = "tree"   // a folder with everything in it, or a file
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
	dir, err := syscall.Open(folder, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT {
		return nil
	}
	if err != nil {
		return linux.Fail("open run folder", folder, err)
	}
	defer syscall.Close(dir)
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
	if err := ignoreMissing(linux.Unlinkat(dir, JournalFile, 0)); err != nil {
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
		if err == syscall.EROFS && syscall.Access(path, syscall.F_OK) == syscall.ENOENT {
			err = nil // it could not be made either
		}
	case SocketEntry:
		err = removeSocket(path)
	case DirEntry:
		switch err = syscall.Rmdir(path); err {
		// In use by others, made by others, or gone.
		case syscall.ENOTEMPTY, syscall.EBUSY, syscall.EEXIST, syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOENT:
			err = nil
		}
	}
	if err != nil {
		return linux.Fail("remove", path, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if err == syscall.ENOENT {
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
		err := syscall.Rmdir(path)
		if err == syscall.ENOTDIR {
			return nil // a file of the kernel's has that name, so no group could be made
		}
		if err == syscall.EROFS && syscall.Access(path, syscall.F_OK) == syscall.ENOENT {
			return nil // it could not be made either
		}
		if err != syscall.EBUSY || time.Now().After(deadline) {
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
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	names, _ := linux.Names(fd)
	for _, name := range names {
		var st syscall.Stat_t
		if linux.Fstatat(fd, name, &st, linux.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
			continue
		}
		sub := path + "/" + name
		killCgroup(sub)
		removeBelow(sub)
		_ = syscall.Rmdir(sub)
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
		fd, err := linux.PidfdOpen(pid)
		if err != nil {
			continue
		}
		for _, again := range readPids(path) {
			if again == pid {
				linux.SignalPidfd(fd, syscall.SIGKILL)
			}
		}
		syscall.Close(fd)
	}
}

func writeFile(path, text string) error {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return linux.WriteAll(fd, []byte(text))
}

func readPids(cgroup string) []int {
	fd, err := syscall.Open(cgroup+"/cgroup.procs", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
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
		err := removeTree(linux.AT_FDCWD, path)
		if err != syscall.ENOTEMPTY || time.Now().After(deadline) {
			return err
		}
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// removeTree removes path and everything below it. Folders that forbid it are
// opened up first.
func removeTree(dir int, path string) error {
	err := linux.Unlinkat(dir, path, 0)
	if err == nil || err == syscall.ENOENT {
		return nil
	}
	if err != syscall.EISDIR && err != syscall.EPERM && err != syscall.EBUSY { // EBUSY: a mount point
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
	syscall.Close(fd)
	if err != nil {
		return err
	}
	return ignoreMissing(linux.Unlinkat(dir, path, linux.AT_REMOVEDIR))
}

func openDir(dir int, path string) (int, error) {
	const flags = syscall.O_DIRECTORY | syscall.O_NOFOLLOW | syscall.O_CLOEXEC
	how := linux.OpenHow{Flags: syscall.O_RDONLY | flags}
	if dir != linux.AT_FDCWD {
		how.Resolve = linux.RESOLVE_NO_XDEV
	}
	fd, err := linux.Openat2(dir, path, &how)
	if err == syscall.EACCES { // overlay's work/work has mode 000
		how.Flags = linux.O_PATH | flags
		closed, err := linux.Openat2(dir, path, &how)
		if err != nil {
			return -1, err
		}
		defer syscall.Close(closed)
		// By the descriptor: a command that still runs somewhere may have put a
		// link in its place, and chmod(2) follows it.
		if err := syscall.Chmod("/proc/self/fd/"+strconv.Itoa(closed), 0o700); err != nil {
			return -1, err
		}
		how.Flags = syscall.O_RDONLY | flags
		return linux.Openat2(closed, ".", &how)
	}
	if err == nil {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil && st.Mode&0o300 != 0o300 {
			_ = syscall.Fchmod(fd, 0o700)
		}
	}
	return fd, err
}
