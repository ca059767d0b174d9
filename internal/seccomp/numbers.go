package seccomp

import (
	"slices"
	"strings"
)

// call is a system call of one architecture.
type call struct {
	name   string
	number uint32
}

// find looks a name up in a table that is sorted by them. Profiles are sorted
// too, mostly: the name is looked for behind the last one first, whose index is
// in hint.
func find(table []call, name string, hint *int) (uint32, bool) {
	for i := *hint + 1; i < min(*hint+5, len(table)); i++ {
		if table[i].name == name {
			*hint = i
			return table[i].number, true
		}
	}
	i, ok := slices.BinarySearchFunc(table, name, func(c call, name string) int { return strings.Compare(c.name, name) })
	if !ok {
		return 0, false
	}
	*hint = i
	return table[i].number, true
}

// arch is one way into the kernel: what struct seccomp_data says of it, and its
// numbers.
type arch struct {
	name   string // as profiles name it
	audit  uint32 // AUDIT_ARCH_… of linux/audit.h
	narrow bool   // arguments have 32 bits
	calls  []call
	// x32 is for programs with short pointers on amd64: the same audit value, and
	// bit 30 set in every number.
	x32 bool
}

// x32Bit marks the numbers of x32.
const x32Bit = 0x40000000

// A slot is a call's place in a list of all: its number, but for the calls that
// have one far from the others.
const (
	slots         = 1024
	x32First      = 512 // x32's own calls; no other is there yet
	x32Last       = 547
	privateFirst  = 1008 // ARM's private ones
	privateNumber = 0xf0000
)

func (a *arch) slot(name string, hint *int) (int, bool) {
	if a.x32 {
		first := -1
		if nr, ok := find(x32Own, name, &first); ok {
			return int(nr), true
		}
		if slices.Contains(notX32, name) {
			return 0, false
		}
	}
	nr, ok := find(a.calls, name, hint)
	if nr >= privateNumber {
		nr -= privateNumber - privateFirst
	}
	return int(nr), ok && nr < slots
}

// numberOf is the number that the kernel sees.
func (a *arch) numberOf(slot int) uint32 {
	switch {
	case a.x32:
		return uint32(slot) | x32Bit
	case slot >= privateFirst:
		return uint32(slot) - privateFirst + privateNumber
	}
	return uint32(slot)
}

// x32Own are the calls that have a number of their own there
// (arch/x86/entry/syscalls/syscall_64.tbl).
var x32Own = []call{
	{"execve", 520}, {"execveat", 545}, {"get_robust_list", 531}, {"getsockopt", 542}, {"io_setup", 543},
	{"io_submit", 544}, {"ioctl", 514}, {"kexec_load", 528}, {"move_pages", 533}, {"mq_notify", 527},
	{"preadv", 534}, {"preadv2", 546}, {"process_vm_readv", 539}, {"process_vm_writev", 540}, {"ptrace", 521},
	{"pwritev", 535}, {"pwritev2", 547}, {"readv", 515}, {"recvfrom", 517}, {"recvmmsg", 537},
	{"recvmsg", 519}, {"rt_sigaction", 512}, {"rt_sigpending", 522}, {"rt_sigqueueinfo", 524}, {"rt_sigreturn", 513},
	{"rt_sigtimedwait", 523}, {"rt_tgsigqueueinfo", 536}, {"sendmmsg", 538}, {"sendmsg", 518}, {"set_robust_list", 530},
	{"setsockopt", 541}, {"sigaltstack", 525}, {"timer_create", 526}, {"vmsplice", 532}, {"waitid", 529},
	{"writev", 516},
}

// notX32 are calls of amd64 that x32 lacks, and profiles may allow.
var notX32 = []string{"_sysctl", "epoll_ctl_old", "epoll_wait_old", "get_thread_area", "set_thread_area", "uselib", "uretprobe", "map_shadow_stack"}
