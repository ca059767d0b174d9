package ids

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// Host is what ids this machine lets an ordinary user map.
type Host struct {
	UIDs, GIDs []Range         // subordinate ids; nil where None says why
	UIDHelper  string          // path of newuidmap(1)
	GIDHelper  string          // path of newgidmap(1)
	None       *linux.Obstacle // why only the caller's own ids can be mapped; nil if there are more

	name    string // the user's
	nextUID uint32 // where a range for the user could begin
	nextGID uint32
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
	if h.UIDHelper, h.None = helper("newuidmap"); h.None != nil {
		return h
	}
	if h.GIDHelper, h.None = helper("newgidmap"); h.None != nil {
		return h
	}
	who, known := findAccount(uid)
	if h.None = refused(uid, who, known); h.None != nil {
		return h
	}
	h.name = who.name
	var missing []string
	for _, file := range []struct {
		path   string
		ranges *[]Range
		next   *uint32
	}{{subUIDs, &h.UIDs, &h.nextUID}, {subGIDs, &h.GIDs, &h.nextGID}} {
		var err error
		if *file.ranges, *file.next, err = read(file.path, []string{strconv.Itoa(uid), h.name}); err != nil {
			h.None = &linux.Obstacle{Why: fmt.Sprintf("cannot read %s: %v", file.path, err)}
			return h
		}
		if len(*file.ranges) == 0 {
			missing = append(missing, file.path)
		}
	}
	if len(missing) == 0 {
		return h
	}
	// Where helpers have no power a line would not bring ids, but have every start fail.
	if h.None = powerless(h.UIDHelper, h.GIDHelper); h.None == nil {
		h.None = &linux.Obstacle{Why: strings.Join(missing, " and ") + " have no line for " + h.name, Fix: h.moreIDs(missing...)}
		if len(missing) == 1 {
			h.None.Why = missing[0] + " has no line for " + h.name
		}
	}
	return h
}

func helper(name string) (string, *linux.Obstacle) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &linux.Obstacle{Why: name + " is not installed", Fix: linux.Packages("uidmap", "shadow-utils", "shadow", "shadow-uidmap", "shadow")}
	}
	return path, nil
}

// wanted is how many ids a container has unless its project file says otherwise.
const wanted = 1 << 16

// Small says whether the ranges are too few for all ids of a container; nil if
// they are enough.
func (h Host) Small() *linux.Obstacle {
	var why, files []string
	for _, file := range []struct {
		path   string
		ranges []Range
	}{{subUIDs, h.UIDs}, {subGIDs, h.GIDs}} {
		have := uint64(1) // the caller's own
		for _, r := range file.ranges {
			have += r.size()
		}
		if have < wanted {
			why, files = append(why, fmt.Sprintf("%s gives %s %d ids", file.path, h.name, have-1)), append(files, file.path)
		}
	}
	if len(why) == 0 {
		return nil
	}
	return &linux.Obstacle{Why: strings.Join(why, " and ") + fmt.Sprintf(", and a container's 0 to %d take %d more than your own", wanted-1, wanted-1), Fix: h.moreIDs(files...)}
}

// outside is what to do in a user namespace that ids can't be given on from.
const outside = "run lanyard outside of the user namespace around it"

// moreIDs is the command that gives the user ranges that nobody has.
func (h Host) moreIDs(files ...string) string {
	command := "sudo usermod"
	for _, file := range files {
		option, first, ours := " --add-subuids ", h.nextUID, "/proc/self/uid_map"
		if file == subGIDs {
			option, first, ours = " --add-subgids ", h.nextGID, "/proc/self/gid_map"
		}
		more := Range{first, first + wanted - 1}
		if !mapped(ours, more) {
			return outside
		}
		command += option + more.String()
	}
	return command + " " + h.name
}

// mapped says whether all ids of r are in a map of the kernel's (user_namespaces(7)).
// Only those of our own namespace can be in a container.
func mapped(path string, r Range) bool {
	maps, err := user.ParseIDMapFile(path)
	left := []Range{r}
	for _, m := range maps {
		left = cut(left, Range{uint32(m.ID), uint32(m.ID + m.Count - 1)})
	}
	return err != nil || len(left) == 0
}

// read gives the ranges of whoever has one of these names, each id once, and where
// the ids begin that nobody has.
func read(path string, names []string) (ranges []Range, next uint32, err error) {
	const first = 100000 // as useradd(8) begins (SUB_UID_MIN of login.defs(5))
	entries, err := user.ParseSubIDFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	next = first
	for _, e := range entries {
		last := e.SubID + e.Count - 1
		if e.Count < 1 || e.SubID < 0 || last >= 1<<32-1 {
			continue // as newuidmap does
		}
		if last < 1<<32-1-wanted {
			next = max(next, uint32(last)+1)
		}
		if slices.Contains(names, e.Name) {
			more := []Range{{uint32(e.SubID), uint32(last)}}
			for _, have := range ranges {
				more = cut(more, have)
			}
			ranges = append(ranges, more...)
		}
	}
	return ranges, next, nil
}

// Grants says whether one of the mapped groups is of /etc/subgid. Without any
// newgidmap denies setgroups(2) in the namespace (CVE-2018-7169).
func (h Host) Grants(gids []Map) bool {
	return slices.ContainsFunc(gids, func(m Map) bool {
		return slices.ContainsFunc(h.GIDs, m.outside().meets)
	})
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
	err := <-results
	if other := <-results; err == nil {
		err = other
	}
	if err == nil {
		return nil
	}
	if o := powerless(h.UIDHelper, h.GIDHelper); o != nil {
		err = o
	}
	return fmt.Errorf("cannot map ids: %w", err)
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
	return fmt.Errorf("%s: %w: %s", path, err, bytes.TrimSpace(out))
}

// powerless says what takes helpers the power to map more than one id; nil if
// nothing is known to.
func powerless(helpers ...string) *linux.Obstacle {
	var plain []string
	foreign := false
	for _, path := range helpers {
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil {
			continue
		}
		if _, err := unix.Getxattr(path, "security.capability", nil); err != nil && st.Mode&unix.S_ISUID == 0 {
			plain = append(plain, path)
		}
		foreign = foreign || st.Uid != 0
	}
	var st unix.Statfs_t
	switch path := helpers[0]; {
	case len(plain) > 0:
		return &linux.Obstacle{Why: strings.Join(plain, " and ") + ": no setuid bit and no file capabilities (capabilities(7))", Fix: "sudo chmod u+s " + strings.Join(plain, " ")}
	case foreign:
		return &linux.Obstacle{Why: path + " is not root's here, as in a user namespace without that root, so it has no power", Fix: outside}
	case unix.Statfs(path, &st) == nil && st.Flags&unix.MS_NOSUID != 0:
		return &linux.Obstacle{Why: path + " is on a filesystem mounted nosuid", Fix: linux.Remount("suid", path)}
	}
	if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && set == 1 {
		return &linux.Obstacle{Why: helpers[0] + " has no power here: what started lanyard forbids new privileges (no_new_privs)",
			Fix: "NoNewPrivileges=no in a unit of systemd, without the lines that imply it with User= (systemd.exec(5)); docker run without --security-opt no-new-privileges"}
	}
	return nil
}
