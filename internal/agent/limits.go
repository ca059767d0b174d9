package agent

import (
	"fmt"
	"math"
	"strconv"
)

const (
	mib = 1 << 20
	// maxMemory is in MiB: memory and swap together, twice as much, fit an int64.
	maxMemory = math.MaxInt64 / 2 / mib
	maxTmp    = math.MaxInt64 / mib // MiB
)

// memory gives resources.mem in bytes.
func (r *reader) memory(v value) *int64 {
	n, _ := r.whole(v, 0, maxMemory, "MiB; 0 is no limit")
	if n == 0 {
		return nil
	}
	n *= mib
	return &n
}

func (r *reader) cpus(v value) *float64 {
	const instead = "a number of CPUs from 0 to 1000000, such as 0.5; 0 is no limit"
	if !r.is(v, "a number", instead) {
		return nil
	}
	n, err := strconv.ParseFloat(string(v.raw), 64) // out of range is an error
	if err != nil || !(n >= 0 && n <= MaxCPUs) {
		r.problem(v.at, "%s is %s; write %s", v.key, shorten(v.raw), instead)
		return nil
	}
	if n == 0 {
		return nil
	}
	return &n
}

// noFile gives resources.fd. hard is the supervisor's own hard limit.
func (r *reader) noFile(v value, hard uint64) uint64 {
	most := int64(min(hard, math.MaxInt64))
	n, _ := r.whole(v, 0, most, fmt.Sprintf("the supervisor's own hard limit on open files; 0 is %d", DefaultNoFile))
	if n != 0 {
		return uint64(n)
	}
	if DefaultNoFile > hard {
		r.problem(v.at, "%s is %d where it is not given, above the supervisor's own hard limit of %d open files; give a lower one, or raise that limit (ulimit -Hn) and start the supervisor again",
			v.key, DefaultNoFile, hard)
	}
	return DefaultNoFile
}

func (r *reader) ports(v value) map[string]uint16 {
	ports := map[string]uint16{}
	for _, m := range r.entries(v) {
		if n, ok := r.whole(m.value, 0, math.MaxUint16, "a port"); ok {
			ports[m.name] = uint16(n)
		}
	}
	return ports
}
