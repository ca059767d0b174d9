package seccomp

var arches = []arch{
	{name: "SCMP_ARCH_X86_64", audit: 0xc000003e, calls: nativeCalls},
	{name: "SCMP_ARCH_X32", audit: 0xc000003e, narrow: true, calls: nativeCalls, x32: true},
	{name: "SCMP_ARCH_X86", audit: 0x40000003, narrow: true, calls: compatCalls},
}
