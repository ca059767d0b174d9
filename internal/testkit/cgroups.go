package testkit

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/opencontainers/cgroups"
)

// noLimits says why this user can't limit anything: with v1 only root can, with
// v2 whoever has a place for cgroups.
func noLimits() string {
	if !cgroups.IsCgroup2UnifiedMode() {
		if os.Geteuid() != 0 {
			return "an ordinary user has no cgroups of his own with v1"
		}
		if _, err := cgroups.FindCgroupMountpoint("", "memory"); err != nil {
			return "no memory cgroup controller"
		}
		return ""
	}
	place := cgroup.FindPlace()
	if place.Kind == cgroup.None {
		return place.Refuse.Error()
	}
	if place.Kind == cgroup.Scope {
		return ""
	}
	data, err := os.ReadFile(place.Folder + "/cgroup.controllers")
	if err != nil {
		return err.Error()
	}
	for _, controller := range []string{"memory", "cpu", "pids"} {
		if !slices.Contains(strings.Fields(string(data)), controller) {
			return fmt.Sprintf("%s has no %s controller", place.Folder, controller)
		}
	}
	return ""
}

// CgroupBase gives the cgroup below which a test makes its own, without a run.
// A scope for it lives as long as the test process.
func CgroupBase(t testing.TB) *cgroup.Base {
	t.Helper()
	base, err := cgroupBase()
	if err != nil {
		t.Fatal(err)
	}
	return base
}

var cgroupBase = sync.OnceValues(func() (*cgroup.Base, error) {
	place := cgroup.FindPlace()
	if place.Kind != cgroup.Scope {
		return place.Ready("", 0)
	}
	// It ends when its input does, which nobody but this process holds.
	member := exec.Command("cat")
	in, err := member.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := member.Start(); err != nil {
		return nil, err
	}
	keep = in
	return place.Ready(fmt.Sprintf("lanyard-test-%d.scope", os.Getpid()), member.Process.Pid)
})

var keep io.Closer // from the garbage collector

// CgroupFolders gives the folders of this machine's cgroups, in every hierarchy,
// that match a path such as "harpoon/web", whose elements are patterns as in
// filepath.Match: those of any base on v2, of the roots on v1.
func CgroupFolders(pattern string) []string {
	const root = "/sys/fs/cgroup"
	if !cgroups.IsCgroup2UnifiedMode() {
		list, _ := filepath.Glob(root + "/*/" + pattern)
		return list
	}
	var list []string
	depth := strings.Count(pattern, "/") + 1
	_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		parts := strings.Split(path, "/")
		tail := strings.Join(parts[max(0, len(parts)-depth):], "/")
		if ok, _ := filepath.Match(pattern, tail); ok {
			list = append(list, path)
		}
		return nil
	})
	return list
}
