package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const yaml = `
containers:
  h: {host: true}
  c: {rootfs: ROOT}
commands:
  plain: !Command {container: c, run: "echo ran"}
  groups: !Command {container: c, user-id: 1000, supplementary-gids: [7], run: "true"}
  layer: !Command {container: h, write-mode: transient, run: "true"}
  high: !Command {container: c, user-id: 1000, run: "true"}
  script: !Command {container: c, run: [/work/script]}
  setuid: !Command {container: h, user-id: 1000, run: [/work/lanyard, --version]}
  limited: !Command {container: c, limits: {memory: 64MiB, pids: 30}, run: "true"}
  cpus: !Command {container: c, limits: {cpus: 1}, run: "true"}
  swap: !Command {container: c, limits: {memory: 64MiB, swap: 8MiB, pids: 30}, run: "true"}
  swap-softly: !Command {container: c, limits: {memory: 64MiB, swap: 8MiB, pids: 30}, limits-mode: best-effort, run: "i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i+1)); done"}
  weighed: !Command {container: c, limits: {io-weight: 200}, run: "true"}
  softly: !Command {container: c, limits: {memory: 64MiB, pids: 30}, limits-mode: best-effort, run: "echo ran"}
  kept: !Command {container: c, volumes: {/kept: !Persistent {name: kept, init-command: plain}}, run: "true"}
`

// place is a host that forbids something.
type place struct {
	t       *testing.T
	p       *testkit.Project
	words   []string // of confine; DIR is the project's folder, FILES one of the test's
	files   string
	unit    []string // lines of a unit of the machine's systemd, in which lanyard is then started instead
	who     int      // in a user namespace: stranger, unless a test says otherwise
	rooted  bool     // that namespace is one that an ordinary user has made to be root in
	machine bool     // it is root's, and words end with a change to an ordinary user; else a user namespace of anybody's
}

// ordinary are ids without a name in /etc/passwd on any machine.
const ordinary = "54399"

// stranger is the user in a user namespace: another one, because ranges of the
// machine's users would be noticed, and newuidmap has no power there.
const stranger = 4242

// inUserNS is a place of anybody's in a user namespace, where lanyard is stranger.
func inUserNS(t *testing.T, words ...string) *place {
	t.Helper()
	testkit.Require(t, testkit.UserNS)
	t.Parallel()
	return newPlace(t, words)
}

// onMachine is a place of root's in a mount namespace.
func onMachine(t *testing.T, words ...string) *place {
	t.Helper()
	testkit.Require(t, testkit.Root)
	t.Parallel()
	pl := newPlace(t, words)
	pl.machine = true
	return pl
}

func newPlace(t *testing.T, words []string) *place {
	t.Helper()
	pl := &place{t: t, p: testkit.NewProject(t, yaml), words: words, files: t.TempDir(), who: stranger}
	// Whoever lanyard is there has to come in, and to write.
	top := filepath.Dir(pl.p.Dir)
	for _, dir := range []string{filepath.Dir(top), top, pl.p.Dir, pl.p.Config, top + "/run", filepath.Dir(pl.files), pl.files} {
		pl.must(os.Chmod(dir, 0o755))
	}
	pl.p.Write("script", "#!/bin/sh\necho ran\n")
	pl.must(os.Chmod(pl.p.Path("script"), 0o755))
	return pl
}

func (pl *place) must(err error) {
	pl.t.Helper()
	if err != nil {
		pl.t.Fatal(err)
	}
}

// file makes a file for a bind and gives its path.
func (pl *place) file(name, text string, mode os.FileMode) string {
	pl.t.Helper()
	path := filepath.Join(pl.files, name)
	pl.must(os.WriteFile(path, []byte(text), mode))
	pl.must(os.Chmod(path, mode))
	return path
}

// folder makes one beside the files and gives its path.
func (pl *place) folder(name string, mode os.FileMode) string {
	pl.t.Helper()
	path := filepath.Join(pl.files, name)
	pl.must(os.Mkdir(path, mode))
	pl.must(os.Chmod(path, mode))
	return path
}

// owned gives the project and its run folder to an ordinary user.
func (pl *place) owned() {
	pl.t.Helper()
	pl.ownedBy(ordinary)
}

func (pl *place) ownedBy(id string) {
	pl.t.Helper()
	n, err := strconv.Atoi(id)
	pl.must(err)
	for _, dir := range []string{pl.p.Dir, filepath.Dir(pl.p.Dir) + "/run"} {
		pl.must(os.Chown(dir, n, n))
	}
}

// lanyard runs it in the place.
func (pl *place) lanyard(args ...string) (code int, out, errs string) {
	pl.t.Helper()
	ctx, cancel := context.WithTimeout(pl.t.Context(), testkit.Slow(time.Minute))
	defer cancel()
	cmd := pl.p.Command(ctx)
	cmd.Args = []string{"confined"}
	for _, w := range pl.words {
		cmd.Args = append(cmd.Args, strings.NewReplacer("DIR", pl.p.Dir, "FILES", pl.files).Replace(w))
	}
	cmd.Args = append(append(cmd.Args, "--"), args...)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	if !pl.machine {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: pl.who, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: pl.who, HostID: os.Getegid(), Size: 1}}
		if pl.rooted {
			id, err := strconv.Atoi(ordinary)
			pl.must(err)
			cmd.SysProcAttr.UidMappings[0] = syscall.SysProcIDMap{HostID: id, Size: 1}
			cmd.SysProcAttr.GidMappings[0] = syscall.SysProcIDMap{HostID: id, Size: 1}
			cmd.SysProcAttr.Credential = &syscall.Credential{}
		}
		for c := range uintptr(41) { // up to CAP_CHECKPOINT_RESTORE, Linux 5.9
			cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, c)
		}
	}
	if pl.unit != nil {
		pl.service(cmd, args)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() == 99 {
		pl.t.Fatalf("%v\n%s", err, stderr.String())
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// doctor gives what _doctor finds under a name.
func (pl *place) doctor(code int, name string) host.Finding {
	pl.t.Helper()
	got, out, errs := pl.lanyard("_doctor", "--json")
	var all []host.Finding
	if err := json.Unmarshal([]byte(out), &all); err != nil || got != code || errs != "" {
		pl.t.Fatalf("_doctor: exit code %d, want %d; %v\n%s%s", got, code, err, out, errs)
	}
	for _, f := range all {
		if f.Name == name {
			return f
		}
	}
	pl.t.Fatalf("_doctor tells nothing of %s:\n%s", name, out)
	return host.Finding{}
}

// sameWords wants them from _doctor, whose exit code is given, and from a start
// of command, in one line.
func (pl *place) sameWords(code int, name string, status host.Status, why, fix, command string) {
	pl.t.Helper()
	f := pl.doctor(code, name)
	if f.Status != status || !strings.HasSuffix(f.Why, why) || f.Fix != fix {
		pl.t.Errorf("_doctor says %+v, want %s, %q, %q", f, status, why, fix)
	}
	line := why
	if fix != "" {
		line += "; fix: " + fix
	}
	got, _, errs := pl.lanyard(command)
	if got != 127 || !strings.Contains(errs, line) || strings.Count(errs, "\n") != 1 {
		pl.t.Errorf("%s: exit code %d, want 127, and in one line %q:\n%s", command, got, line, errs)
	}
}

// runs wants a command to work.
func (pl *place) runs(command string) {
	pl.t.Helper()
	if code, out, errs := pl.lanyard(command); code != 0 || errs != "" {
		pl.t.Errorf("%s: exit code %d, want 0\n%s%s", command, code, out, errs)
	}
}
