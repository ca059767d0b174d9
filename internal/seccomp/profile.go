package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	docker "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Options are what a profile's rules may ask for.
type Options struct {
	Caps uint64 // the bounding set: bit n is capability n
	// Nesting allows what makes containers within the container: user and other
	// namespaces, and mounts in them. All of it also takes capabilities, which a
	// new user namespace gives.
	Nesting bool
}

func compileDefault(o Options) (string, error) {
	profile, err := docker.GetDefaultProfile(spec(o))
	if err != nil {
		return "", fmt.Errorf("cannot make the default filter of system calls: %w", err)
	}
	return program(profile, o)
}

// Custom is a profile in Docker's format (JSON).
func Custom(text []byte, o Options) (string, error) {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(any)); errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return "", fmt.Errorf("it is no JSON: line %d: %w", line, err)
	}
	profile, err := docker.LoadProfile(string(text), spec(o))
	if err != nil {
		return "", err
	}
	if profile == nil {
		return "", fmt.Errorf("it has no defaultAction; write one, as SCMP_ACT_ERRNO, or set seccomp: unconfined")
	}
	return program(profile, o)
}

// Unconfined allows everything but keystrokes for the caller's terminal.
func Unconfined() (string, error) {
	p := policy{fallback: allow}
	for i := range arches {
		p.arches = append(p.arches, arches[i].name)
	}
	return p.compile()
}

// spec is the part of a container's description that profiles ask for.
func spec(o Options) *specs.Spec {
	caps := &specs.LinuxCapabilities{}
	for c, name := range capNames {
		if o.Caps&(1<<c) != 0 {
			caps.Bounding = append(caps.Bounding, name)
		}
	}
	return &specs.Spec{Process: &specs.Process{Capabilities: caps}}
}

// capNames are the capabilities of capabilities(7), by number.
var capNames = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// nesting is what Docker's profile leaves to CAP_SYS_ADMIN and containers are
// made with; rootless Podman's allows the same. What reaches the whole machine
// (bpf, perf_event_open, quotactl, syslog, fanotify_init) stays out.
var nesting = []string{
	"chroot", "clone", "clone3", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
	"open_tree", "open_tree_attr", "pivot_root", "setdomainname", "sethostname", "setns", "umount", "umount2", "unshare",
}

// program compiles a profile whose conditions on the machine are resolved.
func program(profile *specs.LinuxSeccomp, o Options) (string, error) {
	p := policy{}
	if o.Nesting {
		p.rules = []named{{nesting, rule{then: allow}}}
	}
	if profile.ListenerPath != "" {
		return "", fmt.Errorf("listenerPath has no effect here: nothing answers for calls; remove it")
	}
	var err error
	if p.fallback, err = actionOf(profile.DefaultAction, profile.DefaultErrnoRet); err != nil {
		return "", err
	}
	for _, a := range profile.Architectures {
		p.arches = append(p.arches, string(a))
	}
	for i := range profile.Syscalls {
		s := &profile.Syscalls[i]
		then, err := actionOf(s.Action, s.ErrnoRet)
		if err != nil {
			return "", err
		}
		conds, err := conditions(s)
		if err != nil {
			return "", err
		}
		for _, c := range conds {
			p.rules = append(p.rules, named{s.Names, rule{c, then}})
		}
	}
	if name := p.refused(); name != "" {
		return "", fmt.Errorf("it refuses %s, without which no command can be started; allow it", name)
	}
	return p.compile()
}

// conditions gives those of a rule. Several on one argument are alternatives, as
// they are in runc: libseccomp takes one for each.
func conditions(s *specs.LinuxSyscall) ([][]cond, error) {
	var list []cond
	var count [6]int
	several := false
	for _, a := range s.Args {
		o, ok := comparison(a.Op)
		if !ok || a.Index > 5 {
			return nil, fmt.Errorf("a rule for %v compares argument %d with %q: arguments are 0 to 5, comparisons SCMP_CMP_EQ, NE, LT, LE, GT, GE and MASKED_EQ", s.Names, a.Index, a.Op)
		}
		list = append(list, cond{int(a.Index), o, a.Value, a.ValueTwo})
		count[a.Index]++
		several = several || count[a.Index] > 1
	}
	if !several {
		return [][]cond{list}, nil
	}
	var out [][]cond
	for _, c := range list {
		out = append(out, []cond{c})
	}
	return out, nil
}

func comparison(o specs.LinuxSeccompOperator) (op, bool) {
	switch o {
	case specs.OpEqualTo:
		return equal, true
	case specs.OpNotEqual:
		return notEqual, true
	case specs.OpLessThan:
		return less, true
	case specs.OpLessEqual:
		return lessEqual, true
	case specs.OpGreaterThan:
		return greater, true
	case specs.OpGreaterEqual:
		return greaterEqual, true
	case specs.OpMaskedEqual:
		return masked, true
	}
	return 0, false
}

// actionOf gives an action's number; an error without one is EPERM.
func actionOf(a specs.LinuxSeccompAction, number *uint) (action, error) {
	data := action(syscall.EPERM)
	if number != nil {
		data = action(*number & 0xffff)
	}
	switch a {
	case specs.ActAllow:
		return allow, nil
	case specs.ActErrno:
		return errno | data, nil
	case specs.ActKill, specs.ActKillThread:
		return killThread, nil
	case specs.ActKillProcess:
		return killProcess, nil
	case specs.ActTrap:
		return trap, nil
	case specs.ActTrace:
		return trace | data, nil
	case specs.ActLog:
		return logged, nil
	}
	return 0, fmt.Errorf("%q is no action that works here; there are SCMP_ACT_ALLOW, ERRNO, KILL, KILL_PROCESS, KILL_THREAD, TRAP, TRACE and LOG", a)
}
