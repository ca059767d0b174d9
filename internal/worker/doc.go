// Package worker does the file work of the store as root of the ids that
// containers have: as an ordinary user that takes a process in a user namespace,
// because files of a root belong to many ids. Root uses the same process without
// one, so that there is one way.
//
// The conversation is JSON, a line a message: the parent sends one request, the
// worker any number of progress messages and then one answer.
package worker

// Argv0 is the whole argument vector of a worker.
const Argv0 = "lanyard-worker"
