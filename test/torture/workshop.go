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

	limits   bool // cgroups can be made
	freezers []freezer
	memory   string // a cgroup of v1's memory controller, "" where there is none that we may use
	census   census
}

// freezer is a cgroup below which processes are frozen.
type freezer struct {
	folder               string
	file, freeze, thawed string
	holds                bool // even KILL back, until it thaws: v1's
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
// memory, the latter of v1 only; an ordinary user has none.
func (w *workshop) makeCgroups() error {
	if os.Geteuid() != 0 {
		return nil
	}
	const root = "/sys/fs/cgroup"
	for _, f := range []freezer{
		{root + "/freezer", "freezer.state", "FROZEN", "THAWED", true},
		{root + "/unified", "cgroup.freeze", "1", "0", false}, // on hybrid hosts
		{root, "cgroup.freeze", "1", "0", false},
	} {
		f.folder = filepath.Join(f.folder, w.name)
		if os.Mkdir(f.folder, 0o755) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(f.folder, f.file)); err != nil {
			_ = os.Remove(f.folder)
			continue
		}
		w.freezers = append(w.freezers, f)
	}
	if _, err := os.Stat(root + "/memory/memory.limit_in_bytes"); err == nil {
		w.memory = filepath.Join(root, "memory", w.name)
		return os.Mkdir(w.memory, 0o755)
	}
	return nil
}

// folders are the cgroups of the torture program's own.
func (w *workshop) folders() []string {
	var list []string
	for _, f := range w.freezers {
		list = append(list, f.folder)
	}
	if w.memory != "" {
		list = append(list, w.memory)
	}
	return list
}

// left looks for what is left of all rounds, once the last one is over.
func (w *workshop) left() []string {
	list, _ := filepath.Glob(w.runtime + "/lanyard/*")
	for _, pattern := range []string{"harpoon/" + w.name + "*", "harpoon-" + w.name + "*"} {
		list = append(list, testkit.CgroupFolders(pattern)...)
	}
	for _, folder := range w.folders() {
		own, _ := filepath.Glob(folder + "/" + w.name + "*")
		list = append(list, own...)
	}
	return list
}

// close removes the workshop.
func (w *workshop) close() {
	for _, folder := range w.folders() {
		_ = os.Remove(folder)
	}
	if err := os.RemoveAll(w.dir); err != nil {
		fmt.Fprintln(os.Stderr, "torture: cannot remove its own folder:", err)
	}
}
