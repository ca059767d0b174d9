package plan

import "math"

const (
	minMemory = 1 << 20
	// The kernel's cpu controller takes a quota of at least 1 ms in each
	// 100 ms (min_cfs_quota_period in kernel/sched/core.c); less would round
	// to nothing.
	minCPUs = 0.01
	maxCPUs = 100_000
	// PID_MAX_LIMIT of include/linux/threads.h; pids.max refuses more.
	maxPids   = 4 << 20
	minNoFile = 3
	// The range of io.weight (Documentation/admin-guide/cgroup-v2.rst).
	minIOWeight = 1
	maxIOWeight = 10_000
	// The largest value that fs.nr_open takes (fs/file.c, sysctl_nr_open_max),
	// rounded down to what 64-bit kernels share.
	maxNoFile = math.MaxInt32 - 63
)

// limits reads the limits mapping of f.
func (l *loader) limits(f fields) Limits {
	n := f.get("limits")
	if n == nil {
		return Limits{}
	}
	keys, _ := l.fields(l.mapping(n, "limits", dashed), "limits", limitWords)
	out := Limits{Pos: l.at(n)}
	if v := keys.get("memory"); v != nil {
		bytes, _ := l.size(v, "memory", minMemory)
		out.Memory = &bytes // also when it is wrong, so that swap is not called lonely
	}
	if v := keys.get("swap"); v != nil {
		if bytes, ok := l.size(v, "swap", 0); ok {
			out.Swap = &bytes
		}
	}
	if v := keys.get("cpus"); v != nil {
		if number, ok := l.decimal(v, "cpus", minCPUs, maxCPUs); ok {
			out.CPUs = &number
		}
	}
	if v := keys.get("pids"); v != nil {
		if number, ok := l.whole(v, "pids", 1, maxPids); ok {
			pids := int64(number)
			out.Pids = &pids
		}
	}
	if v := keys.get("nofile"); v != nil {
		if number, ok := l.whole(v, "nofile", minNoFile, maxNoFile); ok {
			out.NoFile = &number
		}
	}
	if v := keys.get("io-weight"); v != nil {
		if number, ok := l.whole(v, "io-weight", minIOWeight, maxIOWeight); ok {
			out.IOWeight = &number
		}
	}
	return out
}

// swapNeedsMemory reports a swap limit that bounds nothing: it counts on top
// of memory. A command may have its memory limit from its container, c.
func (l *loader) swapNeedsMemory(limits Limits, c *Container) {
	if limits.Swap == nil || limits.Memory != nil || c != nil && c.Limits.Memory != nil {
		return
	}
	l.problem(limits.Pos, "limits: swap counts on top of memory; write memory too")
}

// limitsMode reads what happens where the host can't enforce a limit.
func (l *loader) limitsMode(f fields) LimitsMode {
	n := f.get("limits-mode")
	if n == nil {
		return ""
	}
	mode, _ := l.choice(n, "limits-mode", string(Strict), string(BestEffort))
	return LimitsMode(mode)
}

// writeMode reads what happens to writes into the root.
func (l *loader) writeMode(f fields) WriteMode {
	n := f.get("write-mode")
	if n == nil {
		return ""
	}
	const hardLinks = "transient-hard-link-copy" // vagga's way to the same end
	if dashed(n.Value) == hardLinks {
		l.untagged(n)
		return Transient
	}
	mode, _ := l.choice(n, "write-mode", string(ReadOnly), string(Transient))
	return WriteMode(mode)
}
