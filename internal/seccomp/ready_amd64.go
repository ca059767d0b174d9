package seccomp

import _ "embed"

//go:embed ready/amd64.bpf
var readyPlain string

//go:embed ready/amd64-nesting.bpf
var readyNesting string
