// Package linux holds thin wrappers of system calls that golang.org/x/sys/unix
// lacks or that need care in Go: a fork whose child sets itself up before the
// exec, paths that cannot leave a root, signal masks.
// It has no policy, logs nothing and imports no other room.
//
// The stage runs from a package initialiser (see docs/adr/0002), so this
// package imports neither os nor fmt: both would pull their own initialisers,
// and those of everything sorted before this module, in front of the stage.
package linux
