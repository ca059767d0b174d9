package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/opencontainers/cgroups"
)

// NoLimits says why this user can't limit anything, "" if he can: with v1 only
// root can, with v2 whoever has a place for cgroups.
func NoLimits() string {
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
	if _, few := place.Lacks("memory", "cpu", "pids"); few != nil {
		return few.Error()
	}
	return ""
}

// MayMakeCgroups says whether there is a place for this user's.
func MayMakeCgroups() bool {
	kind := cgroup.FindPlace().Kind
	return kind != cgroup.None && (kind != cgroup.Hierarchies || os.Geteuid() == 0)
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
		return place.Ready(cgroup.ScopeRequest{})
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
	go func() {
		_ = member.Wait()
		in.Close() // not before: the garbage collector would
	}()
	return place.Ready(cgroup.ScopeRequest{
		Name: fmt.Sprintf("lanyard-test-%d.scope", os.Getpid()), Member: member.Process.Pid, Expect: func(string) error { return nil },
	})
})

// CgroupFolders gives the folders of cgroups that match a path such as
// "harpoon/web", whose elements are patterns as in filepath.Match: below the
// roots of v1's hierarchies, or where a base can be on v2.
func CgroupFolders(pattern string) []string {
	var list []string
	for _, root := range cgroupRoots() {
		found, _ := filepath.Glob(root + "/" + pattern)
		list = append(list, found...)
	}
	return list
}

// cgroupRoots are patterns. Those of v2 are as narrow as they can be: tests look
// again and again, and every cgroup has fifty files.
var cgroupRoots = sync.OnceValue(func() []string {
	const root = "/sys/fs/cgroup"
	if !cgroups.IsCgroup2UnifiedMode() {
		return []string{root + "/*"}
	}
	roots := []string{root}
	if own := cgroup.FindPlace().Folder; own != "" && own != root {
		roots = append(roots, own)
	}
	for _, slice := range []string{root + "/system.slice", root + "/user.slice/user-*.slice/user@*.service/app.slice"} {
		roots = append(roots, slice, slice+"/lanyard-*", slice+"/harpoon-*")
	}
	return roots
})
