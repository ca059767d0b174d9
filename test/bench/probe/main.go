// Probe is the command that the benchmarks run in every container. It is
// linked with -E main.entry, so it starts in its own few instructions of
// assembly: no runtime, no libc, no library, and the figures are those of the
// containers alone.
//
//	probe [OPERATIONS [PATH...]]
//
// Each letter of OPERATIONS does one thing, in order; without any, or after
// the last, it exits with 0. "fd" is standard output until the first o.
//
//	o  fd = open(next PATH, O_RDWR)
//	w  write one byte, 'x', to fd
//	r  read up to 64 KiB from fd into the buffer (waits for them)
//	g  read one byte from fd and forget it (waits for it)
//	c  write the time of CLOCK_MONOTONIC to fd: two native 64-bit words,
//	   seconds and nanoseconds
//	m  block TERM
//	t  wait for the blocked TERM
//	b  write the buffer 1024 times to standard output
//	s  write it 16 times
//	p  pause until killed
//	e  exit with 3
//
// A failed system call exits with 9.
package main

// entry is in the assembly file of the architecture.
func entry()

// main is never reached by the linked program; it keeps entry alive in a
// build without -E, which runs into it at once.
func main() { entry() }
