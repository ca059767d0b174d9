package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// The first process is cloned before package main begins, under either name, and the
// container gets that one: its descriptors are where package early puts them. An
// ordinary user's who has to join a scope first is cloned again.
func TestEarlyInitIsTaken(t *testing.T) {
	t.Parallel()
	again := os.Geteuid() != 0 && cgroup.FindPlace().Kind == cgroup.Scope
	for _, name := range []string{supervisorName, "lanyard"} {
		p := newPlace(t, `{}`)
		words := p.words("sleep", "1000")
		if name != supervisorName {
			words = append([]string{"supervise"}, words...)
		}
		r := p.launch(func(cmd *exec.Cmd) { cmd.Args[0] = name }, words...)
		r.dial().up()
		socket, err1 := os.Readlink(fmt.Sprintf("/proc/%d/fd/32", r.cmd.Process.Pid))
		pidfd, err2 := os.Readlink(fmt.Sprintf("/proc/%d/fd/33", r.cmd.Process.Pid))
		if !again && (!strings.HasPrefix(socket, "socket:[") || !strings.Contains(pidfd, "pidfd")) {
			t.Errorf("%s: descriptors 32 and 33 are %q and %q; %v, %v", name, socket, pidfd, err1, err2)
		}
		if list := r.named("lanyard-init"); len(list) != 1 {
			t.Errorf("%s: its first processes are %v, want one", name, list)
		}
		r.end()
	}
}

// Where nothing is supervised after all, the first process has ended before lanyard.
func TestEarlyInitOfNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for _, words := range []string{"--help", "--version", "-x", "--hostname box"} {
		r := p.launch(nil, strings.Fields(words)...)
		<-r.ended
		if left := testkit.Marked(r.mark); len(left) > 0 {
			t.Errorf("%s: %v are left at the end", words, left)
		}
	}
}

// A stdin that is a folder is nothing for it: what comes later says so, and there is
// no container.json of a container that was never started.
func TestNoEarlyInit(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	folder, err := os.Open(p.dir)
	p.must(err)
	defer folder.Close()
	r := p.launch(func(cmd *exec.Cmd) { cmd.Stdin = folder }, p.words("true")...)
	r.cannotStart("its stdin is a folder")
	if _, err := os.Lstat(p.path("container.json")); !os.IsNotExist(err) {
		t.Errorf("container.json: %v", err)
	}
}
