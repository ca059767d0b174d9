package seccomp

import _ "embed"

//go:embed ready/arm64.bpf
var readyPlain string

//go:embed ready/arm64-nesting.bpf
var readyNesting string
