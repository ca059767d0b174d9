// Package run carries out one command of a plan: it turns the plan into
// containers, wires engine, output, signals and terminal to the loop, and says
// what happened.
package run
