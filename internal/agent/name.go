package agent

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxID       = 255 // bytes: NAME_MAX (linux/limits.h), for the cgroup's folder
	maxHostname = 64  // bytes: __NEW_UTS_LEN, sethostname(2)
)

// CheckID says whether id can name a container and its cgroup's folder. The
// error names the option --ID.
func CheckID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("--ID is empty; give the container's name, 1 to %d bytes", maxID)
	case len(id) > maxID:
		return fmt.Errorf("--ID %s has %d bytes; a cgroup's name has at most %d", quote(id), len(id), maxID)
	case id == "." || id == "..":
		return fmt.Errorf("--ID %s names a folder above the container's own; choose another", quote(id))
	case strings.Contains(id, "/"):
		return fmt.Errorf("--ID %s holds a slash; a cgroup's name can't, leave it out", quote(id))
	}
	return printable("--ID", id)
}

// CheckHostname says whether the kernel takes name as a host's name. The error
// names the option --hostname.
func CheckHostname(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("--hostname is empty; give the container's host name, 1 to %d bytes", maxHostname)
	case len(name) > maxHostname:
		return fmt.Errorf("--hostname %s has %d bytes; the kernel takes at most %d", quote(name), len(name), maxHostname)
	}
	return printable("--hostname", name)
}

// printable refuses what would break lines and JSON.
func printable(option, text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s %s holds a control character or is not UTF-8; use plain characters", option, quote(text))
	}
	return nil
}
