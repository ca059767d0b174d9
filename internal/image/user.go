package image

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// User is who a process is in a root.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary ones
}

// User finds whom text means in the root's /etc/passwd and /etc/group: a name or
// an id, and perhaps a group after a colon, as in an image's configuration (OCI
// image specification, config.md, User). An id that has no line there is fine,
// its group is 0.
func (r Root) User(text string) (User, error) {
	name, group, _ := strings.Cut(text, ":")
	var u User
	found := false
	for _, f := range r.lines("/etc/passwd", 7) {
		if f[0] != name && f[2] != name {
			continue
		}
		uid, ok := parseID(f[2])
		gid, ok2 := parseID(f[3])
		if ok && ok2 {
			u.UID, u.GID, name, found = uid, gid, f[0], true
			break
		}
	}
	if id, ok := parseID(name); !found && ok {
		u.UID, found = id, true
	}
	if !found {
		return u, fmt.Errorf("there is no user %q in the root's /etc/passwd", name)
	}
	groups := r.lines("/etc/group", 4)
	if group != "" {
		return u.withGroup(group, groups)
	}
	for _, f := range groups {
		if id, ok := parseID(f[2]); ok && slices.Contains(strings.Split(f[3], ","), name) {
			u.Groups = append(u.Groups, id)
		}
	}
	return u, nil
}

func (u User) withGroup(group string, groups [][]string) (User, error) {
	for _, f := range groups {
		if id, ok := parseID(f[2]); ok && (f[0] == group || f[2] == group) {
			u.GID = id
			return u, nil
		}
	}
	id, ok := parseID(group)
	if !ok {
		return u, fmt.Errorf("there is no group %q in the root's /etc/group", group)
	}
	u.GID = id
	return u, nil
}

// parseID reads a user or group id. The largest number is none: to setresuid(2) it
// means that the id stays as it is.
func parseID(text string) (uint32, bool) {
	id, err := strconv.ParseUint(text, 10, 32)
	return uint32(id), err == nil && id != 1<<32-1
}

// lines gives the lines of a file of the root that have n fields.
func (r Root) lines(path string, n int) (list [][]string) {
	data, err := r.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(strings.TrimRight(line, "\r\n"), ":"); len(fields) == n {
			list = append(list, fields)
		}
	}
	return list
}
