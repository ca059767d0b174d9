package doctor_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestNoRuntimeDir: /tmp does as well. What gives a user a better folder depends
// on the machine.
func TestNoRuntimeDir(t *testing.T) {
	const unset, relative = "XDG_RUNTIME_DIR is not set", "XDG_RUNTIME_DIR is relative (run), and so ignored"
	const there, stays = ", so it is /tmp/lanyard-4242", ", which is not removed when you log out"
	systemd, session := []string{"mkdir", "/run/systemd/system"}, []string{"mkdir", "/run/user/4242"}
	for name, test := range map[string]struct {
		dir   string
		words []string
		want  host.Finding
	}{
		"without systemd":       {"", nil, host.Finding{Status: host.Yes, Why: unset + there}},
		"relative":              {"run", nil, host.Finding{Status: host.Partly, Why: relative + there + stays, Fix: "unset XDG_RUNTIME_DIR, or export it with an absolute path"}},
		"systemd":               {"", systemd, host.Finding{Status: host.Partly, Why: unset + there + stays, Fix: "sudo loginctl enable-linger 4242 && export XDG_RUNTIME_DIR=/run/user/4242"}},
		"relative with systemd": {"run", systemd, host.Finding{Status: host.Partly, Why: relative + there + stays, Fix: "sudo loginctl enable-linger 4242 && export XDG_RUNTIME_DIR=/run/user/4242"}},
		"a shell of su":         {"", append(session, systemd...), host.Finding{Status: host.Partly, Why: unset + there + stays, Fix: "export XDG_RUNTIME_DIR=/run/user/4242"}},
	} {
		t.Run(name, func(t *testing.T) {
			pl := inUserNS(t, append([]string{"tmpfs", "/run"}, test.words...)...)
			pl.p.Env = []string{"XDG_RUNTIME_DIR=" + test.dir}
			test.want.Name = "run-folder"
			if f := pl.doctor(0, "run-folder"); f != test.want {
				t.Errorf("it says %+v, want %+v", f, test.want)
			}
			pl.runs("plain")
		})
	}
	pl := inUserNS(t, "tmpfs", "/run")
	pl.p.Env = []string{"XDG_RUNTIME_DIR="}
	if code, out, errs := pl.lanyard("kept"); code != 0 {
		t.Errorf("what is noted in /tmp: %d\n%s%s", code, out, errs)
	}
}

// unsetIt is the advice where nobody makes a runtime directory.
const unsetIt = "unset XDG_RUNTIME_DIR, or export it with a folder of yours"

// TestForeignRuntimeDir: su and sudo keep the variable of somebody else, whose
// folder is shut, as systemd makes it.
func TestForeignRuntimeDir(t *testing.T) {
	pl := onMachine(t, "tmpfs", "/run", "uid", ordinary)
	pl.owned()
	dir := pl.folder("theirs", 0o700)
	pl.p.Env = []string{"XDG_RUNTIME_DIR=" + dir}
	pl.sameWords(0, "run-folder", host.No, dir+"/lanyard can't be made: "+dir+" belongs to uid 0 with mode 0700",
		unsetIt, "kept")
	pl.runs("plain")
}

// TestOtherRuntimeDir: what is advised depends on the machine, is not what the user
// has already, and works where it can be carried out here.
func TestOtherRuntimeDir(t *testing.T) {
	const own, elsewhere = "/run/user/4242", "/run/user/0"
	const linger = "sudo loginctl enable-linger 4242 && export XDG_RUNTIME_DIR=" + own + ", or export it with another folder of yours"
	systemd, session := []string{"mkdir", "/run/systemd/system"}, []string{"mkdir", own}
	for name, test := range map[string]struct {
		dir   string // cannot be made, or written to
		words []string
		fix   string
		fixed string // the variable once it is carried out
	}{
		"missing":              {own, nil, unsetIt, ""},
		"missing with systemd": {own, systemd, linger, "-"},
		"foreign":              {elsewhere, nil, unsetIt, ""},
		"foreign with systemd": {elsewhere, systemd, linger, "-"},
		"foreign in a session": {elsewhere, append(session, systemd...), "export XDG_RUNTIME_DIR=" + own + ", or export it with another folder of yours", own},
		"own and shut":         {own, append(session, "chmod", "500", own), unsetIt, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pl := inUserNS(t, slices.Concat([]string{"tmpfs", "/run"}, test.words, []string{"mkdir", "/run/user", "chmod", "555", "/run/user"})...)
			pl.p.Env = []string{"XDG_RUNTIME_DIR=" + test.dir}
			pl.sameWords(0, "run-folder", host.No, test.dir+"/lanyard can't be made: permission denied", test.fix, "kept")
			if test.fixed == "-" {
				return
			}
			pl.p.Env = []string{"XDG_RUNTIME_DIR=" + test.fixed}
			if code, out, errs := pl.lanyard("kept"); code != 0 {
				t.Errorf("once that is done: %d\n%s%s", code, out, errs)
			}
		})
	}
}

// TestReadOnlyRuntimeDir: as in a container that was given nothing to write to.
func TestReadOnlyRuntimeDir(t *testing.T) {
	pl := inUserNS(t, "tmpfs", "/run", "write", "/run/file", "", "attr", "ro", "/run")
	pl.p.Env = []string{"XDG_RUNTIME_DIR=/run/user/0"}
	pl.sameWords(0, "run-folder", host.No, "/run/user/0/lanyard can't be made: read-only file system",
		unsetIt, "kept")
}

// TestRuntimeDirIsALinkToNowhere: nothing is made at its other end.
func TestRuntimeDirIsALinkToNowhere(t *testing.T) {
	pl := inUserNS(t, "tmpfs", "/run")
	link := filepath.Join(pl.files, "link")
	pl.must(os.Symlink("/nowhere", link))
	pl.p.Env = []string{"XDG_RUNTIME_DIR=" + link}
	pl.sameWords(0, "run-folder", host.No, link+"/lanyard can't be made: "+link+" is a link to nowhere",
		unsetIt, "kept")
}

// TestLimitsWithoutRunFolder: nothing can be noted, so a cgroup would be left
// behind after kill -9. That is a limit that can't be enforced.
func TestLimitsWithoutRunFolder(t *testing.T) {
	testkit.Require(t, testkit.Root, testkit.Limits)
	pl := onMachine(t, "tmpfs", "/run", "attr", "ro", "/run")
	const why = "/run/lanyard can't be made: read-only file system"
	pl.sameWords(0, "run-folder", host.No, why, "sudo mount -o remount,rw /run", "limited")
	code, out, errs := pl.lanyard("softly")
	if code != 0 || out != "ran\n" || !strings.Contains(errs, "warning: softly: it runs without its limits on memory, pids: ") || !strings.Contains(errs, why) {
		t.Errorf("best effort: %d\n%s%s", code, out, errs)
	}
}

func TestNoExecProject(t *testing.T) {
	pl := inUserNS(t, "bind", "DIR", "DIR", "attr", "noexec", "DIR")
	pl.sameWords(0, "project-folder", host.Partly, "the project folder is on a filesystem mounted noexec, so no program in it can be executed",
		"sudo mount -o remount,exec $(findmnt -no TARGET -T "+pl.p.Dir+")", "script")
}

// TestNoSuidProject: a setuid program in it runs as whoever starts it. The program
// is lanyard, which starts nothing with a setuid bit and says so.
func TestNoSuidProject(t *testing.T) {
	testkit.Require(t, testkit.Root)
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string][]string{"suid": nil, "nosuid": {"bind", "DIR", "DIR", "attr", "nosuid", "DIR"}} {
		t.Run(name, func(t *testing.T) {
			pl := onMachine(t, words...)
			path := pl.p.Path("lanyard")
			pl.must(os.WriteFile(path, data, 0o755))
			pl.must(os.Chmod(path, 0o755|os.ModeSetuid))
			f := pl.doctor(0, "project-folder")
			code, out, errs := pl.lanyard("setuid")
			if name == "suid" {
				if f.Status != host.Yes || code != 127 || !strings.Contains(errs, "this program is uid 0, gid 0, and was started by uid 1000") {
					t.Errorf("with power: %+v; %d\n%s%s", f, code, out, errs)
				}
				return
			}
			want := host.Finding{Name: "project-folder", Status: host.Partly,
				Why: "the project folder is on a filesystem mounted nosuid, so setuid programs in it have no more power than who runs them",
				Fix: "sudo mount -o remount,suid $(findmnt -no TARGET -T " + pl.p.Dir + ")"}
			if f != want || code != 0 || errs != "" {
				t.Errorf("without power: %+v; %d\n%s%s", f, code, out, errs)
			}
			pl.runs("script")
		})
	}
}

// TestNoSuidProjectOfAUser: whose containers have no setuid programs anyway.
func TestNoSuidProjectOfAUser(t *testing.T) {
	pl := inUserNS(t, "bind", "DIR", "DIR", "attr", "nosuid", "DIR")
	if f := pl.doctor(0, "project-folder"); f.Status != host.Yes || f.Fix != "" {
		t.Errorf("it is %+v", f)
	}
	pl.runs("script")
}
