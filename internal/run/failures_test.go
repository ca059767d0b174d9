package run_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const failures = `
containers:
  c: {rootfs: ROOT}
  missing: {rootfs: none}
  file: {rootfs: file}
  empty: {rootfs: empty}
commands:
  missing: !Command {container: missing, run: "true"}
  file: !Command {container: file, run: "true"}
  empty: !Command {container: empty, run: "true"}
  workdir: !Command {container: c, work-dir: nowhere, run: "true"}
  workdir-inside: !Command {container: c, work-dir: /no/where, run: "true"}
  workdir-file: !Command {container: c, work-dir: /etc/passwd, run: "true"}
  nothing: !Command {container: c, run: [no-such-program]}
  nothing-path: !Command {container: c, run: [/bin/no-such-program]}
  plain: !Command {container: c, run: [/work/plain]}
  script: !Command {container: c, run: [/work/script]}
  dynamic: !Command {container: c, run: [/work/dynamic]}
  foreign: !Command {container: c, run: [/work/foreign]}
  damaged: !Command {container: c, run: [/work/damaged]}
  text: !Command {container: c, run: [/work/text]}
  folder: !Command {container: c, run: [/etc]}
  group: !Supervise
    children:
      good: !Command {container: c, run: [sleep, "1000"]}
      bad: !Command {container: c, run: [no-such-program]}
`

// elf makes the header of a 64-bit program for a machine, with an interpreter
// if there is one.
func elf(machine uint16, interpreter string) []byte {
	h := make([]byte, 64+56)
	copy(h, "\x7fELF\x02\x01\x01")
	put := binary.LittleEndian
	put.PutUint16(h[16:], 2) // an executable
	put.PutUint16(h[18:], machine)
	put.PutUint32(h[20:], 1)
	put.PutUint64(h[32:], 64)
	put.PutUint16(h[52:], 64)
	put.PutUint16(h[54:], 56)
	put.PutUint16(h[56:], 1)
	ph := h[64:]
	if interpreter != "" {
		put.PutUint32(ph, 3) // PT_INTERP
		put.PutUint64(ph[8:], uint64(len(h)))
		put.PutUint64(ph[32:], uint64(len(interpreter)+1))
		h = append(append(h, interpreter...), 0)
	}
	return h
}

// ownMachine is the ELF number of this machine, from its own busybox.
func ownMachine(t *testing.T, root string) uint16 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "bin/busybox"))
	if err != nil {
		t.Fatal(err)
	}
	return binary.LittleEndian.Uint16(data[18:])
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, failures)
	own := ownMachine(t, p.Root)
	foreign := uint16(183) // aarch64
	name := "aarch64"
	if own == foreign {
		foreign, name = 62, "x86_64"
	}
	for file, text := range map[string]string{
		"plain": "x", "script": "#! /no/such/interpreter -x\n", "dynamic": string(elf(own, "/lib/ld-none.so.1")),
		"foreign": string(elf(foreign, "")), "damaged": string(elf(own, "")[:64]), "text": "echo hello\n", "file": "",
	} {
		p.Write(file, text)
		if file != "plain" {
			if err := os.Chmod(p.Path(file), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(p.Path("empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	where := " (DIR/lanyard.yaml:"
	for command, want := range map[string][]string{
		"missing":        {"cannot start missing: container missing" + where + "4:3): rootfs DIR/none does not exist"},
		"file":           {"rootfs DIR/file is not a directory"},
		"empty":          {"rootfs DIR/empty is empty"},
		"workdir":        {"cannot start workdir: work-dir nowhere is no directory of the project (DIR/nowhere)"},
		"workdir-inside": {"could not be started: change into the working directory /no/where: no such file or directory: it has to be a folder in the container"},
		"workdir-file":   {"change into the working directory /etc/passwd: not a directory"},
		"nothing":        {"nothing could not be started: execute no-such-program: no such file or directory: no such program in the container's PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		"nothing-path":   {"execute /bin/no-such-program: no such file or directory: no such program in the container"},
		"plain":          {"execute /work/plain: permission denied: it may not be executed"},
		"script":         {"execute /work/script: no such file or directory: the program is there, but its interpreter /no/such/interpreter is not"},
		"dynamic":        {"the program is there, but its interpreter /lib/ld-none.so.1 is not"},
		"foreign":        {"execute /work/foreign: exec format error: a program for " + name + ", but this machine is "},
		"damaged":        {"execute /work/damaged: exec format error: an ELF file for this machine, but damaged"},
		"text":           {"execute /work/text: exec format error: not a program: it is no ELF file and does not start with #!"},
		"folder":         {"execute /etc: permission denied: it may not be executed"},
	} {
		p.Fails(127, want, command)
	}
	p.Fails(127, []string{"bad could not be started: execute no-such-program", "good was killed by signal 15 (SIGTERM)", "exit status 127"}, "group")
}

// TestNoExec: a program on a filesystem that forbids executing.
func TestNoExec(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT}
commands:
  c: !Command {container: c, run: "cp /bin/busybox /dev/shm/busybox; chmod 755 /dev/shm/busybox; /dev/shm/busybox true; echo $?"}
`)
	r := p.Run("c")
	if r.Out != "126\n" || !strings.Contains(strings.ToLower(r.Err), "permission denied") {
		t.Errorf("a program in /dev/shm: %+v", r)
	}
}

// TestNoUserNamespaces forbids them in a user namespace of the test's own, in
// which lanyard is an ordinary user.
func TestNoUserNamespaces(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	t.Parallel()
	p := testkit.NewProject(t, failures)
	self, err := os.Readlink("/proc/self/exe")
	if err == nil {
		err = os.Symlink(self, p.Path("lanyard"))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testkit.RequireTool(t, "unshare"), "--user", "--map-user=1000", "--map-group=1000", "--keep-caps",
		"sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec ./lanyard nothing")
	cmd.Dir, cmd.Env = p.Dir, p.Command(t.Context()).Env
	out, _ := cmd.CombinedOutput()
	contains(t, "without user namespaces", string(out), "nothing could not be started: clone a process into a new user namespace: no space left on device: "+
		"this machine allows no user namespaces (user.max_user_namespaces is 0); fix: sudo sysctl -w user.max_user_namespaces=15000")
	if cmd.ProcessState.ExitCode() != 127 {
		t.Errorf("exit code %d, want 127", cmd.ProcessState.ExitCode())
	}
}
