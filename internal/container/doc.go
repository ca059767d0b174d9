// Package container is the parent half of a container: it clones the stage,
// tells it what to build and run, passes signals on, reaps it, and removes what
// the kernel does not remove by itself.
package container
