package cgroup

import (
	"fmt"
	"math"

	"github.com/opencontainers/cgroups"
)

// Limits are what a cgroup enforces; nil fields are not limited.
type Limits struct {
	Memory *int64   // bytes
	Swap   *int64   // bytes on top of Memory; 0 is none. Needs Memory
	CPUs   *float64 // CPUs, fractions allowed
	Pids   *int64   // processes and threads
}

// Empty says whether nothing is limited, so that no cgroup is needed.
func (l Limits) Empty() bool {
	return l.Memory == nil && l.Swap == nil && l.CPUs == nil && l.Pids == nil
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
	return list
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
	Limit string // "memory", "cpu", "pids", or a list of them
	Why   string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("cannot limit %s: %s; set limits-mode: best-effort to run without the limit", e.Limit, e.Why)
}
