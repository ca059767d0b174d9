package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// workshop is a temporary folder with what all rounds share, and what this
// machine and user can do.
type workshop struct {
	dir     string
	name    string // of dir, without the folders above it: in the path of all that is made
	lanyard string // absolute
	root    string // of busybox
	runtime string // XDG_RUNTIME_DIR of every lanyard
	base    string // of the run folders

	limits  bool   // cgroups can be made
	freezer string // a folder of v1's freezer, "" where there is none that we may use
	memory  string // the same of the memory controller
	census  census
}

// newWorkshop builds everything. Whoever gets it calls close.
func newWorkshop(lanyard string) (*workshop, error) {
	lanyard, err := filepath.Abs(lanyard)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(lanyard); err != nil {
		return nil, fmt.Errorf("no lanyard to torture: %w; run make build", err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("roots are made of busybox: %w; run make deps", err)
	}
	dir, err := os.MkdirTemp("", "torture-")
	if err != nil {
		return nil, err
	}
	w := &workshop{
		dir: dir, name: filepath.Base(dir), lanyard: lanyard,
		root: filepath.Join(dir, "root"), runtime: filepath.Join(dir, "run"),
		limits: testkit.NoLimits() == "",
	}
	w.census.init()
	if w.base = "/run/lanyard"; os.Geteuid() != 0 {
		w.base = filepath.Join(w.runtime, "lanyard")
	}
	err = os.Chmod(dir, 0o755) // ids of user namespaces look into it
	if err == nil {
		err = os.Mkdir(w.runtime, 0o700)
	}
	if err == nil {
		err = testkit.BuildRoot(w.root, busybox)
	}
	if err == nil {
		err = w.makeCgroups()
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// makeCgroups makes the cgroups in which processes are frozen and run out of
// memory, of v1, whose files this program knows; without them it does not.
func (w *workshop) makeCgroups() error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, c := range []struct {
		controller, file string
		folder           *string
	}{{"freezer", "cgroup.clone_children", &w.freezer}, {"memory", "memory.limit_in_bytes", &w.memory}} {
		root := filepath.Join("/sys/fs/cgroup", c.controller)
		if _, err := os.Stat(filepath.Join(root, c.file)); err != nil {
			continue
		}
		folder := filepath.Join(root, w.name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("cannot make a cgroup of the torture program's own: %w", err)
		}
		*c.folder = folder
	}
	return nil
}

// left looks for what is left of all rounds, once the last one is over.
func (w *workshop) left() []string {
	list, _ := filepath.Glob(w.runtime + "/lanyard/*")
	for _, pattern := range []string{"harpoon/" + w.name + "*", "harpoon-" + w.name + "*"} {
		list = append(list, testkit.CgroupFolders(pattern)...)
	}
	for _, folder := range []string{w.freezer, w.memory} {
		if folder != "" {
			own, _ := filepath.Glob(folder + "/" + w.name + "*")
			list = append(list, own...)
		}
	}
	return list
}

// close removes the workshop.
func (w *workshop) close() {
	for _, folder := range []string{w.freezer, w.memory} {
		if folder != "" {
			_ = os.Remove(folder)
		}
	}
	if err := os.RemoveAll(w.dir); err != nil {
		fmt.Fprintln(os.Stderr, "torture: cannot remove its own folder:", err)
	}
}
