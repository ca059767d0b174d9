package container

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noFolders refuses a folder as one of the command's descriptors, as by
// `lanyard COMMAND </tmp`: from a folder that was opened outside, ".." leads to all of the
// machine (as in CVE-2024-21626).
func noFolders(stdio [3]*os.File) error {
	for i, f := range stdio {
		var st unix.Stat_t
		if f != nil && unix.Fstat(int(f.Fd()), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return errors.New("its " + [...]string{"stdin", "stdout", "stderr"}[i] + " is a folder, through which it could leave the container; redirect it to a file or /dev/null")
		}
	}
	return nil
}
