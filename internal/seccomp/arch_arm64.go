package seccomp

var arches = []arch{
	{name: "SCMP_ARCH_AARCH64", audit: 0xc00000b7, calls: nativeCalls},
	{name: "SCMP_ARCH_ARM", audit: 0x40000028, narrow: true, calls: compatCalls},
}
