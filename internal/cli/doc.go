// Package cli is what a user types: verbs, options, help, completion, and the
// exit codes of wrong usage. It reads the words of the command line itself,
// because what follows the name of a project's command may be that command's
// own; help and the man page come from one tree of commands, built only when
// one of them is asked for.
//
// Nothing here starts or watches a process; that is package run's.
package cli
