package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// groupName is the group of a project that sized made.
const groupName = "app"

// sized makes a project of its own, whose only command is a group of these
// children: lanyard reads a whole project at each start, so what one experiment
// measures must not depend on the children of the others. The gates and the
// block are those of w.project; the root is too.
func (w *workshop) sized(name string, options string, children [][]string) (dir string, err error) {
	dir = filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	for _, file := range []string{"up", "go", "block"} {
		if err := os.Link(filepath.Join(w.project, file), filepath.Join(dir, file)); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "containers:\n  plain: {rootfs: %s}\ncommands:\n  %s: !Supervise\n%s    children:\n", w.rootfs, groupName, options)
	for i, argv := range children {
		fmt.Fprintf(&b, "      child%03d: !Command {container: plain, run: [%s]}\n", i, strings.Join(argv, ", "))
	}
	return dir, os.WriteFile(filepath.Join(dir, "lanyard.yaml"), []byte(b.String()), 0o644)
}

// launchGroup starts lanyard with the group of a project that sized made, and
// waits until all n have reported.
func (w *workshop) launchGroup(dir string, n int, args ...string) (*group, error) {
	if w.lanyard == "" {
		return nil, errors.New("the lanyard binary is not there; build it, or name it with -lanyard")
	}
	cmd, err := w.lanyardArgs(append(args, groupName)...).command()
	if err != nil {
		return nil, err
	}
	return w.launchIn(dir, cmd, n)
}
