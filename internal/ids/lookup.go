package ids

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/moby/sys/user"
)

// Host is what ids this machine lets an ordinary user map.
type Host struct {
	UIDs, GIDs []Range // subordinate ids; nil where None says why
	UIDHelper  string  // path of newuidmap(1)
	GIDHelper  string  // path of newgidmap(1)
	None       string  // why only the caller's own ids can be mapped; "" if there are more
}

// Files of the subordinate ids (subuid(5), subgid(5)).
const (
	subUIDs = "/etc/subuid"
	subGIDs = "/etc/subgid"
)

// Lookup reads which ids uid may map here. What is missing is in Host.None, with
// what to do about it.
func Lookup(uid int) Host {
	var h Host
	var err error
	if h.UIDHelper, err = helper("newuidmap"); err == nil {
		h.GIDHelper, err = helper("newgidmap")
	}
	if err != nil {
		return Host{None: err.Error()}
	}
	names := []string{strconv.Itoa(uid)}
	if u, err := user.LookupUid(uid); err == nil {
		names = append(names, u.Name)
	}
	if h.UIDs, err = read(subUIDs, names); err == nil {
		h.GIDs, err = read(subGIDs, names)
	}
	if err != nil {
		return Host{None: err.Error()}
	}
	return h
}

func helper(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed (Debian, Ubuntu: sudo apt-get install uidmap; Fedora: shadow-utils)", name)
	}
	return path, nil
}

// read gives the ranges of whoever has one of these names; it is an error to
// have none.
func read(path string, names []string) ([]Range, error) {
	entries, err := user.ParseSubIDFileFilter(path, func(e user.SubID) bool {
		return e.Name == names[0] || e.Name == names[len(names)-1]
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	var ranges []Range
	for _, e := range entries {
		last := e.SubID + e.Count - 1
		if e.Count < 1 || e.SubID < 0 || last >= 1<<32-1 {
			continue // as newuidmap does
		}
		ranges = append(ranges, Range{uint32(e.SubID), uint32(last)})
	}
	if len(ranges) == 0 {
		name := names[len(names)-1]
		option := "--add-subuids"
		if path == subGIDs {
			option = "--add-subgids"
		}
		return nil, fmt.Errorf("%s has no line for %s (sudo usermod %s 100000-165535 %s)", path, name, option, name)
	}
	return ranges, nil
}

// Write maps ids of a process in a new user namespace of ours that has none
// yet, through newuidmap and newgidmap, which may do it for more than our own.
func (h Host) Write(pid int, uids, gids []Map) error {
	results := make(chan error, 2)
	helper := func(path string, maps []Map) {
		// The thread's mask is the helper's from its first instruction on: the
		// terminal's INT is not for it. The thread ends with this goroutine.
		runtime.LockOSThread()
		linux.BlockAll()
		results <- run(path, pid, maps)
	}
	go helper(h.UIDHelper, uids)
	go helper(h.GIDHelper, gids)
	return errors.Join(<-results, <-results)
}

func run(path string, pid int, maps []Map) error {
	args := []string{strconv.Itoa(pid)}
	for _, m := range maps {
		for _, n := range []uint32{m.Inside, m.Outside, m.Count} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	hint := ""
	if info, statErr := os.Stat(path); statErr == nil && info.Mode()&fs.ModeSetuid == 0 {
		hint = "; it has no setuid bit: sudo chmod u+s " + path + ", unless it has file capabilities"
	}
	return fmt.Errorf("cannot map ids: %s: %w: %s%s", path, err, bytes.TrimSpace(out), hint)
}
