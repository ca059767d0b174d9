// Package seccomp makes filters of system calls: from Docker's default profile,
// or from a profile in the same format, it compiles a program of classic BPF as
// seccomp(2) takes it, without C. docs/adr/0021 says why, and what a filter
// costs. Installing it is internal/linux's part.
package seccomp

//go:generate go run ./mknumbers
//go:generate go test -run TestReady -update
//go:generate env GOARCH=arm64 go test -exec qemu-aarch64-static -run TestReady -update
//go:generate env GOARCH=riscv64 go test -exec qemu-riscv64-static -run TestReady -update
