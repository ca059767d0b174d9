package kernel_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const (
	notPermitted = "operation not permitted"
	denied       = "permission denied"
	absent       = "no such file or directory"
	readOnly     = "read-only file system"
)

// stopped says what may stop an attempt; where nothing else is said it is EPERM,
// from the filter or for lack of a capability. What a kernel does not have is
// absent; what root may not write is read-only, and others have no permission.
var stopped = map[string][]string{
	"umount a mask":             {notPermitted, absent, "invalid argument"},
	"mount namespace of PID 1":  {denied},
	"root of PID 1":             {denied},
	"/dev/mem":                  {absent},
	"/dev/kmsg":                 {absent},
	"write into /dev":           {readOnly, denied},
	"/proc/kcore":               {"empty", absent, denied},
	"/proc/keys":                {"empty", absent},
	"/proc/timer_list":          {"empty", absent, denied},
	"/proc/interrupts":          {"empty", absent},
	"core_pattern":              {readOnly, denied},
	"sysrq-trigger":             {readOnly, denied, absent},
	"uevent_helper":             {readOnly, denied, absent},
	"/sys/power":                {readOnly, denied, absent},
	"/sys/firmware":             {"empty", absent},
	"overwrite PID 1's program": {denied},
	"signal lanyard":            {"no such process"},
	"see lanyard":               {absent},
	"chroot twice":              {"the same root"},
}

// allowed are the attempts that a container's settings let through to the kernel,
// which goes on with them as with any process that has no capability for it.
var allowed = map[string][]string{
	"unconfined": {"keyctl", "add_key", "request_key", "bpf", "perf_event_open", "io_uring_setup", "open_by_handle_at", "init_module", "kexec_load",
		"vm sockets", "32-bit personality", "userfaultfd", "syslog", "settimeofday", "swapon", "reboot"},
}

// sets are the capability sets of every command: the bounding set is that of root.
const sets = `CapInh: 0000000000000000
CapPrm: 00000000800405fb
CapEff: 00000000800405fb
CapBnd: 00000000800405fb
CapAmb: 0000000000000000
`

// TestEscape tries to break out of a container, in every way that is known to have
// worked somewhere; and with what project files may open, in those that stay shut.
func TestEscape(t *testing.T) {
	t.Parallel()
	for name, security := range map[string]string{
		"default": "{}", "unconfined": "{seccomp: unconfined}", "nesting": "{nesting: true}", "no-new-privileges": "{no-new-privileges: true}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newProject(t, `
  out: !Command {container: h, security: `+security+`, run: "until test -s pid; do sleep 0.01; done; exec ./helper escape $(cat pid)"}
`).start(nil, "out")
			r.write("pid", strconv.Itoa(r.cmd.Process.Pid))
			r.want(0, 20*time.Second)
			got := r.output()
			for _, a := range attempts {
				_, after, there := strings.Cut("\n"+got, "\n"+a.name+": ")
				result, _, _ := strings.Cut(after, "\n")
				want := stopped[a.name]
				if want == nil {
					want = []string{notPermitted}
				}
				if !there || !contains(want, result) && !contains(allowed[name], a.name) {
					t.Errorf("%s: %q, want one of %q", a.name, result, want)
				}
			}
			noNewPrivs := "0"
			if os.Geteuid() != 0 || name == "no-new-privileges" {
				noNewPrivs = "1"
			}
			if want := sets + "NoNewPrivs: " + noNewPrivs + "\nSeccomp: 2\n"; !strings.HasSuffix(got, want) {
				t.Errorf("the command has\n%swant at the end\n%s", got, want)
			}
		})
	}
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// TestNoCapabilities: a command of another user has none, and can gain only those
// of the bounding set.
func TestNoCapabilities(t *testing.T) {
	t.Parallel()
	r := newProject(t, `
  out: !Command {container: h, user-id: 1, group-id: 1, run: [grep, ^Cap, /proc/self/status]}
`).start(nil, "out")
	r.want(0, 20*time.Second)
	const want = "CapInh: 0000000000000000\nCapPrm: 0000000000000000\nCapEff: 0000000000000000\nCapBnd: 00000000800405fb\nCapAmb: 0000000000000000\n"
	if got := strings.ReplaceAll(r.output(), "\t", " "); got != want {
		t.Errorf("it has\n%swant\n%s", got, want)
	}
}

// TestOverwriteLanyard: a command that has lanyard's own program run in its
// container, as itself or as the interpreter of a script, can't write to it
// (CVE-2019-5736).
func TestOverwriteLanyard(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
  script: !Command {container: h, run: [/work/script]}
  itself: !Command {container: h, run: [/proc/self/exe]}
`)
	p.write("script", "#!/proc/self/exe\n")
	if err := os.Chmod(p.path("script"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"script", "itself"} {
		r := p.start(nil, command)
		r.want(0, 20*time.Second)
		if got := r.output(); !strings.Contains(got, "this is ") || !strings.Contains(got, helperName) || strings.Contains(got, "OPENED") {
			t.Errorf("%s: %s", command, r.log())
		}
	}
}

// TestWorkDirLeadsNowhere: no descriptor of lanyard's makes a working directory
// outside of the container (CVE-2024-21626).
func TestWorkDirLeadsNowhere(t *testing.T) {
	t.Parallel()
	for _, limits := range []string{"{}", "{pids: 50}"} {
		if limits != "{}" && os.Geteuid() != 0 {
			continue
		}
		yaml := "containers: {c: {rootfs: ROOT, limits: " + limits + "}}\ncommands:\n"
		var dirs []string
		for _, dir := range []string{"/proc/self", "/proc/1"} {
			for fd := 3; fd < 10; fd++ {
				dirs = append(dirs, dir+"/fd/"+strconv.Itoa(fd))
			}
			dirs = append(dirs, dir+"/cwd", dir+"/root")
		}
		for i, dir := range dirs {
			yaml += "  d" + strconv.Itoa(i) + ": !Command {container: c, work-dir: " + dir + ", run: [pwd]}\n"
		}
		p := testkit.NewProject(t, yaml)
		for i, dir := range dirs {
			if r := p.Run("d" + strconv.Itoa(i)); r.Code != 127 || !strings.Contains(r.Err, "change into the working directory") {
				t.Errorf("work-dir %s with limits %s: %+v", dir, limits, r)
			}
		}
	}
}
