// Package linux holds thin wrappers of system calls that package syscall lacks
// or that need care in Go: a fork whose child sets itself up before the exec,
// paths that cannot leave a root, signal masks, the calls for mounts.
// It has no policy, logs nothing and imports no other room.
//
// The stage runs from a package initialiser (see docs/adr/0002), so this
// package imports neither os nor fmt, and not golang.org/x/sys/unix either: each
// would pull its own initialisers and those of what it needs in front of the
// stage, and with them those of everything that is sorted before them (see
// docs/adr/0018).
package linux
