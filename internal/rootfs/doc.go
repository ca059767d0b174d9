// Package rootfs describes a container's root and mounts as data (Spec) and
// makes them real (Build) in the stage's own mount namespace.
//
// Nothing is ever written into a root that belongs to somebody: mount points
// which it lacks are made in a skeleton of our own on a tmpfs. Only a root under
// construction can be written to: by its command in an upper layer, which gets
// nothing of the skeleton (Spec.Upper), or where there is no overlay in the
// folder itself (Spec.InPlace). Every mount goes
// onto a descriptor that was opened without following a symlink, below a tree
// whose upper layer is ours, so that nothing in a hostile root can redirect it.
//
// The stage imports this package, so it imports neither os nor fmt.
package rootfs
