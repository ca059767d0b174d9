package seccomp

import _ "embed"

//go:embed ready/riscv64.bpf
var readyPlain string

//go:embed ready/riscv64-nesting.bpf
var readyNesting string
