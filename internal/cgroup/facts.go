package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// FindPlace looks where this process can make groups, and makes nothing.
func FindPlace() Place { return choose(gather()) }

func gather() *facts {
	f := &facts{uid: os.Geteuid(), nothing: !exists(mount)}
	if f.nothing {
		return f // whoever asks the library then has a line of its log on stderr
	}
	if f.v2 = cgroups.IsCgroup2UnifiedMode(); !f.v2 {
		return f
	}
	f.systemd = Booted()
	if f.systemd {
		f.sdRefuse = noManager(f.uid)
	}
	f.root, f.rootRefuse = !exists(mount+"/cgroup.type"), refusal(mount) // every other cgroup has a type (cgroup-v2.rst)
	f.readOnly = writable(mount) == unix.EROFS
	own, err := ownFolder()
	if err != nil {
		f.ownRefuse = err.Error()
		return f
	}
	if filepath.Base(own) == Leaf {
		f.own = filepath.Dir(own)
	} else {
		f.own, f.strangers = own, othersIn(own)
	}
	f.ownRefuse = refusal(f.own)
	f.delegated = !f.systemd || f.uid != 0 && markedDelegated(f.own) || f.ownRefuse == "" && !f.strangers && f.sdRefuse == "" && ownUnit(f.own)
	return f
}

// systemdFolder is there where systemd runs this machine (sd_booted(3)).
const systemdFolder = "/run/systemd/system"

// Booted says whether systemd runs this machine.
func Booted() bool { return exists(systemdFolder) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// folderOf gives the cgroup of a process on v2 (cgroups(7), /proc/PID/cgroup).
func folderOf(pid string) (string, error) {
	data, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return "", err
	}
	path, found := strings.CutPrefix(strings.TrimSpace(string(data)), "0::")
	if !found {
		return "", fmt.Errorf("/proc/%s/cgroup is no cgroup of v2", pid)
	}
	return filepath.Join(mount, path), nil
}

// ownFolder gives the cgroup of this process, if it is the one that stands there:
// where the mount is another namespace's, the path leads nowhere or astray.
func ownFolder() (string, error) {
	for before := ""; ; {
		own, err := folderOf("self")
		if err != nil {
			return "", err
		}
		members, err := pidsIn(own)
		if err != nil {
			return "", err
		}
		if slices.Contains(members, os.Getpid()) {
			return own, nil
		}
		if own == before {
			return "", fmt.Errorf("%s is another cgroup than that of this process, as /sys/fs/cgroup belongs to another namespace", own)
		}
		before = own // or another lanyard has moved us from there meanwhile, into its leaf
	}
}

// pidsIn gives the processes of one cgroup; 0 stands for each that this pid
// namespace does not see.
func pidsIn(folder string) ([]int, error) {
	data, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// othersIn says whether processes are in a cgroup that do not descend from this
// one.
func othersIn(folder string) bool {
	pids, err := pidsIn(folder)
	if err != nil {
		return true
	}
	for _, pid := range pids {
		ancestor := pid
		for ancestor > 0 && ancestor != os.Getpid() {
			_, ancestor = parentOf(ancestor)
		}
		if ancestor == 0 && (pid == 0 || exists("/proc/"+strconv.Itoa(pid))) {
			return true
		}
	}
	return false
}

// refusal says why this process can't make groups in a cgroup, "" if it can. All
// three files take what their owner writes (cgroup-v2.rst, Model of Delegation).
func refusal(folder string) string {
	for _, path := range []string{folder, folder + "/cgroup.procs", folder + "/cgroup.subtree_control"} {
		if err := writable(path); err != nil && (folder != mount || err != unix.ENOENT) {
			return fmt.Sprintf("write to %s: %v", path, err)
		}
	}
	if kind, err := os.ReadFile(folder + "/cgroup.type"); err == nil && strings.TrimSpace(string(kind)) != "domain" {
		return fmt.Sprintf("%s is of the type %q and can't limit memory", folder, strings.TrimSpace(string(kind)))
	}
	return ""
}

// writable says why this user can't write to a folder or file of a cgroup. The
// mount is asked first: access(2) has nothing but EACCES for whoever lacks the
// permission as well, and who is then given it still can't write.
func writable(path string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err == nil && st.Flags&unix.MS_RDONLY != 0 {
		return unix.EROFS
	}
	return permitted(path)
}

// permitted is writable for a socket, which the mount has no say in.
func permitted(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
}

// markedDelegated says whether the machine's systemd has given a cgroup to its
// unit's user (newer ones say so to everybody). A user's marks none, see ownUnit.
func markedDelegated(folder string) bool {
	var value [8]byte
	n, err := unix.Getxattr(folder, "user.delegate", value[:])
	return err == nil && string(value[:n]) == "1"
}

// nestedRoot is why root of a user namespace has no systemd, which knows it as the
// user who made that namespace.
const nestedRoot = "root of a user namespace is nobody to systemd"

// noManager says why the systemd of a user can't be asked, "" if it can. What
// belongs to the machine's root is somebody else's in a namespace without him; in a
// container whose own systemd it is, it is root's.
func noManager(uid int) string {
	var st unix.Stat_t
	if uid == 0 && unix.Stat(systemdFolder, &st) == nil && st.Uid != 0 {
		return nestedRoot
	}
	why := ""
	for _, s := range sockets(uid) {
		err := permitted(s.path)
		if err == nil {
			return ""
		}
		if why == "" {
			why = fmt.Sprintf("%s: %v", s.path, err)
		}
	}
	return why
}
