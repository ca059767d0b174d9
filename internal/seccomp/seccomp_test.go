package seccomp

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T) func(program string, err error) string {
	return func(program string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
}

// TestTables: find looks names up in tables that are sorted by name, and none has
// two numbers.
func TestTables(t *testing.T) {
	for _, a := range append(slices.Clone(arches), arch{name: "x32Own", calls: x32Own}) {
		seen := map[uint32]string{}
		for i, c := range a.calls {
			if i > 0 && a.calls[i-1].name >= c.name {
				t.Errorf("%s: %s after %s", a.name, c.name, a.calls[i-1].name)
			}
			if seen[c.number] != "" {
				t.Errorf("%s: %d is %s and %s", a.name, c.number, c.name, seen[c.number])
			}
			seen[c.number] = c.name
		}
	}
	hint := 0
	for _, name := range []string{"write", "read", "_sysctl", "no_such_call", "openat", "openat2", "openat"} {
		want := -1
		for _, c := range nativeCalls {
			if c.name == name {
				want = int(c.number)
			}
		}
		if nr, ok := find(nativeCalls, name, &hint); ok != (want >= 0) || ok && int(nr) != want {
			t.Errorf("%s is %d %v, want %d", name, nr, ok, want)
		}
	}
}

// TestConditions holds each comparison, compiled, against Go's own, with values
// around every edge of both halves.
func TestConditions(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the arch values are amd64's")
	}
	edges := []uint64{0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1<<32 + 1, 2<<32 - 1, 2 << 32, 1 << 63, ^uint64(0) - 1, ^uint64(0)}
	holds := func(c cond, v uint64) bool {
		switch c.op {
		case equal:
			return v == c.value
		case notEqual:
			return v != c.value
		case less:
			return v < c.value
		case lessEqual:
			return v <= c.value
		case greater:
			return v > c.value
		case greaterEqual:
			return v >= c.value
		}
		return v&c.value == c.other
	}
	for o := equal; o <= masked; o++ {
		others := edges
		if o != masked {
			others = edges[:1]
		}
		for _, value := range edges {
			for _, other := range others {
				c := cond{2, o, value, other}
				p := policy{fallback: errno | 1, arches: []string{"SCMP_ARCH_X86"}, rules: []named{{[]string{"close"}, rule{[]cond{c, {0, equal, 7, 0}}, allow}}}}
				program := must(t)(p.compile())
				for _, v := range edges {
					for _, first := range []uint64{7, 8, 7 | 1<<32} {
						want := errno | action(1)
						if holds(c, v) && first == 7 {
							want = allow
						}
						if got := evaluate(t, program, data{3, amd64, [6]uint64{first, 0, v}}); got != want {
							t.Fatalf("comparison %d of %#x with %#x, %#x: %v, want %v", o, v, value, other, got, want)
						}
					}
					if v>>32 == 0 && value>>32 == 0 && other>>32 == 0 {
						want := holds(c, v)
						if got := evaluate(t, program, data{6, i386, [6]uint64{7, 0, v | 5<<32}}); (got == allow) != want {
							t.Fatalf("in 32 bits, comparison %d of %#x with %#x, %#x: %v, want %v", o, v, value, other, got, want)
						}
					}
				}
			}
		}
	}
}

// TestKeystrokes: nothing lets an ioctl through that types on a terminal, whatever
// the upper half of the request says, and nothing else is refused for it.
func TestKeystrokes(t *testing.T) {
	filters := map[string]string{
		"default":    must(t)(Default(Options{Caps: readyCaps})),
		"nesting":    must(t)(Default(Options{Caps: readyCaps, Nesting: true})),
		"unconfined": must(t)(Unconfined()),
		"a profile":  must(t)(Custom([]byte(`{"defaultAction": "SCMP_ACT_ALLOW"}`), Options{})),
	}
	for name, program := range filters {
		for i := range arches {
			a := &arches[i]
			if name == "a profile" && i > 0 {
				continue
			}
			hint := 0
			slot, _ := a.slot("ioctl", &hint)
			for request, want := range map[uint64]action{
				unix.TIOCSTI: errno | action(unix.EPERM), unix.TIOCLINUX: errno | action(unix.EPERM), 1<<32 | unix.TIOCSTI: errno | action(unix.EPERM),
				0xffffffff<<32 | unix.TIOCLINUX: errno | action(unix.EPERM), unix.TCGETS: allow, unix.TIOCSTI + 1: allow,
			} {
				d := data{a.numberOf(slot), a.audit, [6]uint64{0, request}}
				if got := evaluate(t, program, d); got != want {
					t.Errorf("%s, %s: ioctl %#x is %v, want %v", name, a.name, request, got, want)
				}
			}
		}
	}
}

// TestUnconfined: it refuses nothing else.
func TestUnconfined(t *testing.T) {
	program := must(t)(Unconfined())
	for i := range arches {
		for nr := range uint32(slots) {
			d := data{arches[i].numberOf(int(nr)), arches[i].audit, [6]uint64{rand.Uint64(), 1, rand.Uint64()}}
			if got := evaluate(t, program, d); got != allow {
				t.Errorf("%s: %d is %v", arches[i].name, nr, got)
			}
		}
	}
}

// TestNesting: what makes containers in a container is refused without, and
// allowed with; what reaches the machine is refused anyway.
func TestNesting(t *testing.T) {
	without, with := must(t)(Default(Options{Caps: readyCaps})), must(t)(Default(Options{Caps: readyCaps, Nesting: true}))
	hint := 0
	ask := func(program, name string, arg uint64) action {
		slot, ok := arches[0].slot(name, &hint)
		if !ok {
			t.Fatalf("no number of %s", name)
		}
		return evaluate(t, program, data{uint32(slot), arches[0].audit, [6]uint64{arg}})
	}
	for _, name := range []string{"unshare", "setns", "mount", "umount2", "pivot_root", "fsopen", "move_mount", "mount_setattr", "clone", "clone3"} {
		want := errno | action(unix.EPERM)
		if name == "clone3" {
			want = errno | action(unix.ENOSYS)
		}
		if got := ask(without, name, unix.CLONE_NEWUSER); got != want {
			t.Errorf("%s by default: %v, want %v", name, got, want)
		}
		if got := ask(with, name, unix.CLONE_NEWUSER); got != allow {
			t.Errorf("%s with nesting: %v", name, got)
		}
	}
	for _, name := range []string{"bpf", "perf_event_open", "keyctl", "add_key", "request_key", "kexec_load", "init_module", "reboot", "io_uring_setup", "userfaultfd", "open_by_handle_at", "syslog"} {
		if got := ask(with, name, 0); got != errno|action(unix.EPERM) {
			t.Errorf("%s with nesting: %v", name, got)
		}
	}
	if got := ask(without, "clone", uint64(unix.SIGCHLD)); got != allow {
		t.Errorf("a fork: %v", got)
	}
}

// TestSize: the kernel takes a program, and it finds a call in few steps.
func TestSize(t *testing.T) {
	program := must(t)(Default(Options{Caps: readyCaps}))
	if n := len(program) / 8; n > 1500 {
		t.Errorf("%d instructions", n)
	}
	// A table larger than a conditional jump reaches.
	p := policy{fallback: errno | 1}
	for i, c := range nativeCalls {
		p.rules = append(p.rules, named{[]string{c.name}, rule{then: errno | action(100+i)}})
	}
	program = must(t)(p.compile())
	for i, c := range nativeCalls {
		if c.name == "ioctl" || c.number >= slots {
			continue
		}
		if got := evaluate(t, program, data{number: c.number, arch: arches[0].audit}); got != errno|action(100+i) {
			t.Errorf("%s: %v, want %v", c.name, got, errno|action(100+i))
		}
	}
}

// TestCustom reads profiles in Docker's format.
func TestCustom(t *testing.T) {
	first := func(name string) uint32 { hint := 0; nr, _ := find(nativeCalls, name, &hint); return nr }
	program := must(t)(Custom([]byte(`{
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
  "archMap": [{"architecture": "`+arches[0].name+`"}],
  "syscalls": [
    {"names": ["read", "write", "execve", "exit_group", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}},
    {"names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
    {"names": ["dup"], "action": "SCMP_ACT_LOG"}, {"names": ["dup3"], "action": "SCMP_ACT_TRAP"}
  ]}`), Options{}))
	for _, c := range []struct {
		name string
		args [6]uint64
		want action
	}{
		{"read", [6]uint64{}, allow}, {"bpf", [6]uint64{}, errno | 38}, {"kill", [6]uint64{5, 9}, killProcess}, {"kill", [6]uint64{5, 15}, errno | 38},
		{"socket", [6]uint64{1}, allow}, {"socket", [6]uint64{2}, allow}, {"socket", [6]uint64{3}, errno | 38},
		{"dup", [6]uint64{}, logged}, {"dup3", [6]uint64{}, trap},
	} {
		if got := evaluate(t, program, data{first(c.name), arches[0].audit, c.args}); got != c.want {
			t.Errorf("%s %v: %v, want %v", c.name, c.args, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"{\n\n!":                               "it is no JSON: line 3",
		`{}`:                                   "no defaultAction",
		`{"defaultAction": "NO"}`:              `"NO" is no action`,
		`{"defaultAction": "SCMP_ACT_NOTIFY"}`: `"SCMP_ACT_NOTIFY" is no action`,
		`{"defaultAction": "SCMP_ACT_KILL"}`:   "it refuses execve, without which no command can be started",
		`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["exit_group"], "action": "SCMP_ACT_ERRNO"}]}`:                                        "it refuses exit_group",
		`{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}`:                                                                                       "listenerPath",
		`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]}`: "argument 6",
		`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "op": "~"}]}]}`:           `with "~"`,
	} {
		if _, err := Custom([]byte(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	var many strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&many, `{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": %d, "op": "SCMP_CMP_EQ"}]},`, i)
	}
	_, err := Custom([]byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [`+strings.TrimSuffix(many.String(), ",")+`]}`), Options{})
	if err == nil || !strings.Contains(err.Error(), "too large for the kernel") {
		t.Errorf("a profile with 4000 conditions: %v", err)
	}
}
