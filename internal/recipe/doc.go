// Package recipe turns the setup of a container into what it stands for: a
// version, which is a hash of everything that decides the result. The same
// version means the same system, so nothing has to be told to build again.
//
// A version needs neither network nor store. It depends on the steps and on the
// files of the project that they name; never on the caller's environment, on
// who owns the project or on where it lies.
package recipe
