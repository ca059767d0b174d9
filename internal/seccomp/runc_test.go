//go:build amd64

package seccomp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	docker "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// newer are calls that Docker's profile names and a libseccomp older than 2.6 does
// not know, so that runc leaves them out.
var newer = []string{"uretprobe", "riscv_hwprobe"}

// TestLikeRunc holds our decisions against those of the program that runc
// installs for the same profile, for every call of the three ways into the kernel
// of amd64 and arguments around all that the profile compares with. runc's is read
// back from the kernel.
func TestLikeRunc(t *testing.T) {
	testkit.Require(t, testkit.Root)
	runc := testkit.RequireTool(t, "runc")
	for name, mask := range map[string]uint64{"default": readyCaps, "with CAP_SYS_ADMIN and CAP_SYS_NICE": readyCaps | 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_SYS_NICE, "none": 0} {
		t.Run(name, func(t *testing.T) {
			profile, err := docker.GetDefaultProfile(spec(Options{Caps: mask}))
			if err != nil {
				t.Fatal(err)
			}
			theirs := runcFilter(t, runc, profile)
			ours, err := Default(Options{Caps: mask})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("runc's program has %d instructions, ours %d", len(theirs)/8, len(ours)/8)
			compare(t, ours, theirs)
		})
	}
}

// compare asks both about every call.
func compare(t *testing.T, ours, theirs string) {
	different := 0
	asked := 0
	for i := range arches {
		a := &arches[i]
		known := newestKnown(t, a, theirs)
		if a.x32 { // for runc, whose highest is one of x32's own, the calls before those are none of the new
			known = newestKnown(t, &arches[0], theirs)
		}
		names := map[uint32]string{}
		for _, c := range a.calls {
			hint := 0
			if slot, ok := a.slot(c.name, &hint); ok {
				names[a.numberOf(slot)] = c.name
			}
		}
		for slot := range slots {
			nr := a.numberOf(slot)
			name := names[nr]
			if slices.Contains(newer, name) || uint32(slot) > known && slot < x32First {
				continue
			}
			for _, args := range arguments() {
				d := data{nr, a.audit, args}
				asked++
				got, want := evaluate(t, ours, d), evaluate(t, theirs, d)
				if name == "ioctl" && (uint32(args[1]) == unix.TIOCSTI || uint32(args[1]) == unix.TIOCLINUX) {
					want = errno | action(unix.EPERM) // ours alone
				}
				if got != want {
					t.Errorf("%s %d %s%x: ours %v, runc's %v", a.name, nr&^x32Bit, name, args, got, want)
					different++
					break
				}
			}
		}
	}
	for _, audit := range []uint32{0, 0xc00000b7, 0x40000028, ^uint32(0)} { // other machines' ways
		if got := evaluate(t, ours, data{arch: audit}); got != killProcess {
			t.Errorf("arch %#x: %v", audit, got)
		}
	}
	t.Logf("%d decisions, %d calls differ", asked, different)
}

// newestKnown finds the last number of runc's program before those that do not
// exist for it. Its libseccomp may know fewer calls than the profile names.
func newestKnown(t *testing.T, a *arch, program string) uint32 {
	for slot := x32First - 1; slot > 0; slot-- {
		if evaluate(t, program, data{number: a.numberOf(slot), arch: a.audit}) != errno|action(unix.ENOSYS) {
			return uint32(slot)
		}
	}
	t.Fatalf("runc's program allows nothing of %s", a.name)
	return 0
}

// arguments are sets of arguments: each value that matters in each place, above
// zeros and above ones in the halves that are not compared.
func arguments() [][6]uint64 {
	values := []uint64{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 29, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 0x20000, 0x20001, 0x20008, 0xffffffff, ^uint64(0),
		unix.TIOCSTI, unix.TIOCLINUX, unix.TCGETS, uint64(unix.SIGCHLD),
		unix.CLONE_NEWNS, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC, unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNET, unix.CLONE_NEWCGROUP, unix.CLONE_VM | unix.CLONE_FS}
	var list [][6]uint64
	for _, v := range values {
		for _, upper := range []uint64{0, 1 << 32, 0x7e020000 << 32} {
			for i := range 2 {
				var a [6]uint64
				a[i] = v | upper
				list = append(list, a)
			}
		}
	}
	return list
}

// runcFilter runs a container and gives its filter as the kernel has it.
func runcFilter(t *testing.T, runc string, profile *specs.LinuxSeccomp) string {
	t.Helper()
	dir := t.TempDir()
	testkit.MakeRoot(t, filepath.Join(dir, "root"))
	config := &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{Args: []string{"/bin/sleep", "60"}, Cwd: "/", Capabilities: &specs.LinuxCapabilities{}},
		Root:    &specs.Root{Path: "root", Readonly: true},
		Mounts:  []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}},
		Linux:   &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: "pid"}, {Type: "mount"}, {Type: "ipc"}, {Type: "uts"}}, Seccomp: profile},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	id, state := fmt.Sprintf("lanyard-test-%d-%d", os.Getpid(), time.Now().UnixNano()), filepath.Join(dir, "state")
	pidFile := filepath.Join(dir, "pid")
	// A file, because runc waits for the end of pipes that the container has.
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	run := exec.Command(runc, "--root", state, "run", "--detach", "--bundle", dir, "--pid-file", pidFile, id)
	run.Stdout, run.Stderr = log, log
	err = run.Run()
	t.Cleanup(func() {
		if out, err := exec.Command(runc, "--root", state, "delete", "--force", id).CombinedOutput(); err != nil {
			t.Errorf("runc delete: %v\n%s", err, out)
		}
	})
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("runc: %v\n%s", err, text)
	}
	var pid int
	text, err = os.ReadFile(pidFile)
	if err == nil {
		_, err = fmt.Sscan(strings.TrimSpace(string(text)), &pid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filterOf(t, pid)
}

// filterOf reads the filter of a process (PTRACE_SECCOMP_GET_FILTER, ptrace(2)).
func filterOf(t *testing.T, pid int) string {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.PtraceAttach(pid); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.PtraceDetach(pid) }()
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	buf := bytes.Repeat([]byte{0}, 8*maxInsns)
	n, _, e := syscall.Syscall6(syscall.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(pid), 0, uintptr(unsafe.Pointer(&buf[0])), 0, 0)
	if e != 0 {
		t.Fatalf("read the filter of process %d: %v", pid, e)
	}
	return string(buf[:8*n])
}
