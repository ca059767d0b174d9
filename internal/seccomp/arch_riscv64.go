package seccomp

var arches = []arch{{name: "SCMP_ARCH_RISCV64", audit: 0xc00000f3, calls: nativeCalls}}
