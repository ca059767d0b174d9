// Package client talks to the supervisor of a container (lanyard supervise,
// also known as harpoon-supervisor) through the socket `control` in its
// folder: it reads the stream of states and sends stop, kill and exit. It owns
// the types that are on the wire.
package client
