package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// What a dead supervisor left under the name is removed, in every hierarchy,
// also with a process in it; the container is a new one.
func TestContractLeftoverCgroup(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
	kinds := []bool{true}
	if cgroup.FindPlace().Kind != cgroup.Scope { // whose scopes are with a process in them only
		kinds = append(kinds, false)
	}
	for _, populated := range kinds {
		t.Run(fmt.Sprintf("populated %v", populated), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, `{"resources": {"mem": 64}}`)
			sleeper := p.leftover(populated)
			r := p.start("/bin/sleep", "1000")
			r.dial().up()
			r.onlyCommandIn()
			for _, folder := range cgroupsOf(p.id) {
				if exists(filepath.Join(folder, "older")) {
					t.Errorf("%s is the old one", folder)
				}
			}
			if sleeper != nil {
				if state, err := sleeper.Wait(); err != nil || state.Success() {
					t.Errorf("the process in the leftover ended with %v, %v; want it killed", state, err)
				}
			}
			r.end()
		})
	}
}

// leftover makes the container's cgroup with one below it, as somebody left
// it, and perhaps puts a process into that.
func (p *place) leftover(populated bool) *os.Process {
	p.t.Helper()
	if cgroup.FindPlace().Kind == cgroup.Scope {
		return p.leftoverScope()
	}
	var sleeper *os.Process
	if populated {
		cmd := exec.Command("sleep", "1000")
		_, err := testkit.StartMarked(cmd) // else it may carry another one's mark
		p.must(err)
		sleeper = cmd.Process
		p.t.Cleanup(func() { _ = sleeper.Kill() })
	}
	for _, root := range roots(p.t) {
		base := filepath.Base(root)
		if base == "unified" { // no controller is there
			continue
		}
		folder := filepath.Join(root, "harpoon", p.id, "older")
		p.must(os.MkdirAll(folder, 0o755))
		// The shared folder goes with the last of them.
		p.t.Cleanup(func() { _ = os.Remove(filepath.Join(root, "harpoon")) })
		if populated && (base == "memory" || base == "freezer" || unified()) {
			p.must(os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(itoa(sleeper.Pid)), 0o644))
		}
	}
	return sleeper
}

// leftoverScope has systemd make it.
func (p *place) leftoverScope() *os.Process {
	p.t.Helper()
	args := []string{"--scope", "--collect", "--unit=harpoon-" + p.id, "sleep", "1000"}
	if os.Geteuid() != 0 {
		args = append([]string{"--user"}, args...)
	}
	cmd := exec.Command(testkit.RequireTool(p.t, "systemd-run"), args...)
	_, err := testkit.StartMarked(cmd)
	p.must(err)
	p.t.Cleanup(func() { _ = cmd.Process.Kill() })
	until(p.t, "a scope of the container's name", func() bool {
		folders := testkit.CgroupFolders("harpoon-" + p.id + ".scope")
		return len(folders) == 1 && len(p.members(folders[0])) == 1
	})
	return cmd.Process
}

// roots are the folders below which groups are made: of every v1 hierarchy, or
// the base.
func roots(t *testing.T) []string {
	t.Helper()
	if !unified() {
		return cgroupRoots()
	}
	testkit.CgroupBase(t) // where it is our own cgroup, that has to be empty
	place := cgroup.FindPlace()
	return []string{place.Folder}
}

// What runs under a live supervisor of another program is left alone.
func TestContractCgroupOfALiveSupervisor(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.Limits)
	p := newPlace(t, `{}`)
	// A shell whose file has the name: that is what the kernel calls the process.
	shell, err := os.ReadFile("/bin/sh")
	p.must(err)
	path := filepath.Join(p.base, supervisorName)
	p.must(os.WriteFile(path, shell, 0o755))
	scope := cgroup.FindPlace().Kind == cgroup.Scope
	sleep, name := "sleep 1000", "harpoon/"+p.id
	if scope {
		name = "harpoon-" + p.id + ".scope"
		sleep = "systemd-run --quiet --scope --collect --unit=" + name + " sleep 1000"
		if os.Geteuid() != 0 {
			sleep = strings.Replace(sleep, "run", "run --user", 1)
		}
	}
	other := exec.Command(path, "-c", sleep+" & echo $!; wait")
	said, err := other.StdoutPipe()
	p.must(err)
	_, err = testkit.StartMarked(other)
	p.must(err)
	var child int
	_, err = fmt.Fscan(said, &child)
	p.must(err)
	defer func() {
		_ = syscall.Kill(child, syscall.SIGKILL)
		_ = other.Wait()
		until(t, "nobody is in the cgroup", func() bool { return len(p.members(p.group())) == 0 })
		for _, folder := range cgroupsOf(p.id) {
			p.must(os.Remove(folder))
			_ = os.Remove(filepath.Dir(folder)) // others may be in it
		}
	}()
	if scope {
		until(t, "a scope of the container's name", func() bool { return len(p.members(p.group())) == 1 })
	} else {
		p.must(os.MkdirAll(p.group(), 0o755))
		p.must(os.WriteFile(filepath.Join(p.group(), "cgroup.procs"), []byte(itoa(child)), 0o644))
	}

	r := p.start("/bin/true")
	if code := r.wait(); code != 1 || strings.Count(r.errors(), "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, r.log())
	}
	r.says(fmt.Sprintf("the cgroup %s is in use: process %d", name, other.Process.Pid))
	if got := p.members(p.group()); !slices.Equal(got, []string{itoa(child)}) {
		t.Errorf("in the cgroup is %q, want %d", got, child)
	}
	p.onlyFiles("agent.json", "rootfs")
}

// group is the container's cgroup that limits its memory.
func (p *place) group() string {
	p.t.Helper()
	if cgroup.FindPlace().Kind == cgroup.Scope {
		return strings.Join(testkit.CgroupFolders("harpoon-"+p.id+".scope"), " ")
	}
	if unified() {
		return filepath.Join(roots(p.t)[0], "harpoon", p.id)
	}
	return filepath.Join("/sys/fs/cgroup/memory/harpoon", p.id)
}
