package cgroup

import (
	"fmt"
	"math"
	"strings"

	"github.com/opencontainers/cgroups"
)

// Limits are what a cgroup enforces; nil fields are not limited.
type Limits struct {
	Memory *int64   // bytes
	Swap   *int64   // bytes on top of Memory; 0 is none. Needs Memory
	CPUs   *float64 // CPUs, fractions allowed
	Pids   *int64   // processes and threads
	// IOWeight is the share of the disks' time beside other cgroups, 1 to 10000;
	// a cgroup without one has 100 (Linux Documentation/admin-guide/cgroup-v2.rst,
	// io.weight).
	IOWeight *uint64
}

// Empty says whether nothing is limited, so that no cgroup is needed.
func (l Limits) Empty() bool {
	return len(l.controllers()) == 0
}

// controllers gives those the limits need, in the names of v1.
func (l Limits) controllers() []string {
	var list []string
	if l.Memory != nil || l.Swap != nil {
		list = append(list, "memory")
	}
	if l.CPUs != nil {
		list = append(list, "cpu")
	}
	if l.Pids != nil {
		list = append(list, "pids")
	}
	if l.IOWeight != nil {
		list = append(list, "blkio")
	}
	return list
}

// v2Name gives the name that a controller of v1 has on v2. Messages have it too.
func v2Name(controller string) string {
	if controller == "blkio" {
		return "io"
	}
	return controller
}

// names are those of the controllers on v2.
func (l Limits) names() []string {
	list := l.controllers()
	for i, controller := range list {
		list[i] = v2Name(controller)
	}
	return list
}

// Without gives the limits but those that e says can't be enforced.
func (l Limits) Without(e *UnsupportedError) Limits {
	for name := range strings.SplitSeq(e.Limit, ", ") {
		switch name {
		case "memory":
			l.Memory, l.Swap = nil, nil
		case "swap":
			l.Swap = nil
		case "cpu":
			l.CPUs = nil
		case "pids":
			l.Pids = nil
		case "io":
			l.IOWeight = nil
		}
	}
	return l
}

// cpuPeriod is the bandwidth period in microseconds, Docker's and the kernel's
// default.
const cpuPeriod = 100_000

func (l Limits) resources() *cgroups.Resources {
	r := &cgroups.Resources{SkipDevices: true}
	if l.Memory != nil {
		r.Memory = *l.Memory
	}
	if l.Swap != nil && l.Memory != nil {
		r.MemorySwap = *l.Memory + *l.Swap
	}
	if l.CPUs != nil {
		r.CpuPeriod = cpuPeriod
		// The kernel refuses a quota below 1 ms (kernel/sched/core.c, min_cfs_quota_period).
		r.CpuQuota = max(1000, int64(math.Round(*l.CPUs*cpuPeriod)))
	}
	if l.Pids != nil {
		r.PidsLimit = l.Pids
	}
	return r
}

// UnsupportedError says that this host, or this user on it, can't enforce a
// limit that was asked for.
type UnsupportedError struct {
	Limit string // "memory", "cpu", "pids", "io", or a list of them with commas; "swap" is that of swap alone
	Why   string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("cannot limit %s: %s; set limits-mode: best-effort to run without the limit", e.Limit, e.Why)
}
