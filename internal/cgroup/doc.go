// Package cgroup makes the control groups that a container's limits need, and
// reads what they count: a thin layer on opencontainers/cgroups, the same for
// v1 (and the hybrid layout) and v2. A group is only made for limits that were
// asked for; its processes are the command's, never the stage. Processes has
// figures of the same shape for a container without a group.
package cgroup
