package seccomp

import (
	"fmt"
	"slices"
	"syscall"
)

// policy is a profile, resolved: what it says of calls by name.
type policy struct {
	fallback action
	arches   []string // SCMP_ARCH_…, besides the machine's own
	rules    []named  // in the order of the profile
}

type named struct {
	names []string
	rule
}

// The way of an ioctl into the terminal's input, where it looks like the
// user's own: TIOCSTI of all terminals, TIOCLINUX of the console (its selection
// can be pasted). The kernel looks at 32 bits only, and so do we (CVE-2019-10063).
var keystrokes = []rule{
	{[]cond{{1, masked, 0xffffffff, syscall.TIOCSTI}}, errno | action(syscall.EPERM)},
	{[]cond{{1, masked, 0xffffffff, syscall.TIOCLINUX}}, errno | action(syscall.EPERM)},
}

// compile makes the program. A call that is newer than all that the profile
// names does not exist (ENOSYS), if the profile refuses what it does not name:
// programs try new calls and go on with old ones, but not after EPERM.
func (p *policy) compile() (string, error) {
	code := killProcess.code()
	if p.fallback == allow {
		code = allow.code()
	}
	for i := len(arches) - 1; i >= 0; i-- {
		a := &arches[i]
		if a.x32 {
			continue // comes with the arch of the same audit value
		}
		own := p.archCode(a)
		if i+1 < len(arches) && arches[i+1].x32 {
			own = branch(opGe, x32Bit, p.archCode(&arches[i+1]), own)
		}
		own = append([]insn{{code: opLoad, k: dataNumber}}, own...)
		code = branch(opEq, a.audit, own, code)
	}
	code = append([]insn{{code: opLoad, k: dataArch}}, code...)
	if len(code) > maxInsns {
		return "", fmt.Errorf("the profile is too large for the kernel: it makes %d instructions, and %d are allowed", len(code), maxInsns)
	}
	return encode(code), nil
}

// needed are calls that come after the filter is installed: without them no
// command starts, or can say why it does not.
var needed = [...]string{"execve", "exit_group", "write"}

// refused gives a call of needed that the policy refuses, whatever its arguments;
// "" for none.
func (p *policy) refused() string {
	table, _ := p.verdicts(&arches[0])
	hint := 0
	for _, name := range needed {
		slot, _ := arches[0].slot(name, &hint)
		v := &table[slot]
		if !v.set {
			v.then = p.fallback
		}
		if v.rules == nil && v.then != allow && v.then != logged {
			return name
		}
	}
	return ""
}

// archCode decides for the numbers of one architecture.
func (p *policy) archCode(a *arch) []insn {
	if a != &arches[0] && !slices.Contains(p.arches, a.name) {
		return killProcess.code()
	}
	table, newest := p.verdicts(a)
	unknown := p.fallback
	if p.fallback != allow && p.fallback != logged {
		unknown = errno | action(syscall.ENOSYS)
	}
	spans := make([]span, 0, 256)
	var last *verdict
	for i := range table {
		v := &table[i]
		if !v.set {
			v.then = p.fallback
			if x32Own := a.x32 && i >= x32First && i <= x32Last; i > newest && !x32Own {
				v.then = unknown
			}
		}
		if last != nil && v.rules == nil && last.rules == nil && v.then == last.then {
			continue
		}
		spans, last = append(spans, span{a.numberOf(i), v.code(a.narrow)}), v
	}
	return search(spans)
}

// verdict is what becomes of a call: then, if no rule is met.
type verdict struct {
	set   bool // by the profile
	then  action
	rules []rule
}

func (v *verdict) code(narrow bool) []insn {
	if v.rules == nil {
		return v.then.code()
	}
	return rulesCode(v.rules, v.then, narrow)
}

// verdicts gives what the profile says of each slot, and the newest call that it
// names. A rule without conditions goes before those with, and an earlier one
// before a later one.
func (p *policy) verdicts(a *arch) (table []verdict, newest int) {
	table = make([]verdict, slots)
	hint := 0
	for i := range p.rules {
		r := &p.rules[i]
		for _, name := range r.names {
			slot, ok := a.slot(name, &hint)
			if !ok {
				continue // not on this architecture, or newer than our tables
			}
			if slot < x32First {
				newest = max(newest, slot)
			}
			switch v := &table[slot]; {
			case v.set && v.rules == nil:
			case len(r.conds) == 0:
				*v = verdict{set: true, then: r.then}
			default:
				v.set, v.then, v.rules = true, p.fallback, append(v.rules, r.rule)
			}
		}
	}
	if slot, ok := a.slot("ioctl", &hint); ok {
		v := &table[slot]
		if !v.set {
			v.set, v.then = true, p.fallback
		}
		v.rules = append(slices.Clone(keystrokes), v.rules...)
	}
	return table, newest
}
